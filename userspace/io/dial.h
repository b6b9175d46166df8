/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connecting by RFC 8305: resolve, interleave families, staggered attempts, first one wins. */
#ifndef IO_DIAL_H
#define IO_DIAL_H

#include "io/resolve.h"

struct dial_opts {
	uint32_t timeout_ms;		 /* whole attempt, name look-up included; 0: 5000 */
	uint32_t fallback_delay_ms;	 /* connection attempt delay; 0: 250 (RFC 8305 section 5) */
	uint32_t mark;			 /* SO_MARK, 0: none */
	const char *bind_interface;	 /* SO_BINDTODEVICE, or NULL */
	union sockaddr_any bind4, bind6; /* source addresses; sa_family 0: none */
	bool keepalive; /* TCP keepalive, first probe after 15 s, then every 15 s */
};

/* One connection being made. Embed it, zero-initialised; it must stay put until done() or
 * dial_cancel(). */
struct dial {
	/* err 0: fd is connected, non-blocking, TCP_NODELAY, and the callee's. Else fd is -1 and
	 * err is the most telling failure: -ECONNREFUSED, -ENETUNREACH, -EHOSTUNREACH, -ETIMEDOUT,
	 * -ENOENT (no such name), ... May free its owner. */
	void (*done)(struct dial *d, int err, int fd);
	/* private */
	struct dial_state *state;
};

/* By name: never calls done() before it returns. -ENOMEM (then done() is not called) or 0. */
int dial_name(struct dial *d, struct loop *l, struct resolver *r, const struct dial_opts *opts,
	      const char *name, uint16_t port);
/* To one known address; the same rules. */
int dial_addr(struct dial *d, struct loop *l, const struct dial_opts *opts,
	      const union sockaddr_any *addr);
/* Closes what is open; no callback comes. Ignored where nothing is under way. */
void dial_cancel(struct dial *d);

#endif
