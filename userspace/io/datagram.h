/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of captured datagrams: the one that takes them, those that answer from the addresses that
 * were asked, and reading many at once. */
#ifndef IO_DATAGRAM_H
#define IO_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "io/sockaddr.h"

/*
 * Binds where captured datagrams are delivered: with IP_TRANSPARENT, asked for original
 * destinations, marked unless mark is 0. Several sockets may share the port (SO_REUSEPORT, one a
 * worker). "::" and "::1" also take IPv4; they become 0.0.0.0 and 127.0.0.1 where the machine has
 * no IPv6. `exclusive`: the first socket of a port in this process: fails with -EADDRINUSE where
 * another process has it. 0 and the descriptor, or -errno. Not tied to a thread. Needs
 * CAP_NET_ADMIN.
 */
int datagram_listen(const union sockaddr_any *addr, uint32_t mark, bool exclusive, int *ret_fd);

enum datagram_from {
	DATAGRAM_FROM_ANY,
	DATAGRAM_FROM_OTHERS, /* not from an address of this machine: -EACCES */
};

/*
 * A socket that speaks as `from` with `to` alone; both of one family and no IPv4-mapped ones. What
 * `to` sends to `from` from now on comes there; between two system calls also what others send may.
 * The descriptor, or -errno; -EADDRINUSE where a socket that does not share has the port on all
 * addresses. Needs CAP_NET_ADMIN, and CAP_NET_BIND_SERVICE for ports below 1024.
 */
int datagram_answer(const union sockaddr_any *from, const union sockaddr_any *to, uint32_t mark,
		    enum datagram_from who);

#define DATAGRAMS_MAX 32 /* of one read */

struct datagram {
	union sockaddr_any from; /* IPv4-mapped ones come out as IPv4; so in `to` */
	union sockaddr_any to;	 /* where it was meant to go; sa_family 0: not told */
	uint8_t *data;		 /* valid until the next read */
	size_t n;
	bool cut; /* it did not fit */
};

/* Room for one read of many. NULL without memory. */
struct datagrams *datagrams_new(void);
void datagrams_free(struct datagrams *d); /* NULL is ignored */

/*
 * One read. `original`: of a socket that was asked for original destinations; `to` is set. Returns
 * how many came; 0: nothing more for now; -errno: the socket's error. Less than DATAGRAMS_MAX: what
 * comes next makes a new edge.
 */
int datagrams_read(struct datagrams *d, int fd, bool original,
		   struct datagram ret[static DATAGRAMS_MAX]);

/*
 * Sends len (at most DATAGRAM_RUN_MAX) bytes by a connected socket as datagrams of `each`, of which
 * the last one may be shorter, and at most DATAGRAM_RUN of them. 0 or -errno; also where the path
 * cannot take one of that size whole, or the kernel does not know how: then they have to go one by
 * one.
 */
int datagram_send_run(int fd, const uint8_t *data, size_t len, size_t each);
#define DATAGRAM_RUN	 64
#define DATAGRAM_RUN_MAX 65000

#endif
