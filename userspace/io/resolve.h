/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names to addresses: c-ares in the worker's loop, hosts file, a cache that obeys TTL. One a
 * worker. */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include "ev/loop.h"
#include "io/sockaddr.h"

struct resolver;

#define RESOLVE_MAX 16 /* addresses kept of one answer */

struct resolve_opts {
	const char *servers;  /* "10.0.0.1,10.0.0.2:5353" in place of resolv.conf's, or NULL */
	uint32_t mark;	      /* SO_MARK of its sockets, 0: none */
	uint32_t timeout_ms;  /* for one try; 0: 2000 */
	uint32_t max_pending; /* questions under way; 0: 1024. Beyond: -EBUSY */
	uint32_t cache_max;   /* answers kept; 0: 4096. The least recently used one goes */
};

/* NULL on failure. */
struct resolver *resolver_new(struct loop *l, const struct resolve_opts *opts);
/* Questions under way end without a callback. NULL is ignored. */
void resolver_free(struct resolver *r);

/* One question. Embed it; it must stay put until answered() or resolve_cancel(). */
struct resolve {
	/*
	 * err 0: addrs[0..n) in RFC 6724 order, with the port that was asked for; borrowed for the
	 * call. Else -ENOENT (no such name), -ETIMEDOUT, -EBUSY, -EIO (server failure). May free
	 * its owner.
	 */
	void (*answered)(struct resolve *q, int err, const union sockaddr_any *addrs, unsigned n);
	/* private */
	struct list link;
	struct resolve_query *query;
	uint16_t port;
};

/*
 * Asks for both families. Never calls answered() before it returns. The same name asked twice at
 * the same time is one query. Negative answers are cached for at most 10 s, positive ones for their
 * TTL, at least 1 s and at most 1 h; hosts-file answers 10 s. Names compare without case.
 */
void resolve_start(struct resolver *r, struct resolve *q, const char *name, uint16_t port);
/* No answer will come; ignored where none is awaited. */
void resolve_cancel(struct resolve *q);

#endif
