/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A listening TCP socket in a loop: accepts in batches, survives running out of descriptors. */
#ifndef IO_LISTENER_H
#define IO_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "ev/loop.h"
#include "io/sockaddr.h"

struct listener;

/*
 * `exclusive`: the first socket of a port in this process: fails with -EADDRINUSE where another
 * process already listens there, which SO_REUSEPORT alone would not tell. `transparent`: also takes
 * connections to addresses that are not the machine's, once something leads them here; needs
 * CAP_NET_ADMIN or CAP_NET_RAW, and so does `mark` (SO_MARK, 0: none). What is accepted inherits
 * both.
 */
struct listener_opts {
	bool exclusive, transparent;
	uint32_t mark;
};

/*
 * Binds and listens; several sockets may share the port (SO_REUSEPORT, one a worker), and a port
 * whose last owner was killed binds at once. "::" and "::1" become 0.0.0.0 and 127.0.0.1 where the
 * machine has no IPv6; "::" also takes IPv4. Returns 0 and the descriptor, or -errno. Not tied to a
 * thread.
 */
int listener_bind(const union sockaddr_any *addr, const struct listener_opts *opts, int *ret_fd);

/* Receives each connection: non-blocking, close-on-exec, TCP_NODELAY; fd is the callee's. */
struct listener_sink {
	void (*accepted)(struct listener_sink *s, int fd, const union sockaddr_any *peer);
};

/* Takes over fd and starts to accept on it in the loop's thread. NULL on failure (fd untouched). */
struct listener *listener_start(struct loop *l, int fd, struct listener_sink *sink);
/* Stops accepting, closes and frees; NULL is ignored. Callable from accepted(). */
void listener_free(struct listener *ln);

#endif
