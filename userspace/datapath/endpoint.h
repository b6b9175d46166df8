/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One side of a relay. Two endpoints are joined; each reads its own source and writes to its peer.
 *
 * Rules that keep this simple: nobody's memory goes before the loop's turn is over; resume() only
 * schedules, it never reads; after any call to the peer an endpoint looks again whether it is
 * still joined.
 */
#ifndef DATAPATH_ENDPOINT_H
#define DATAPATH_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "ev/loop.h"

/* Writable bytes before each piece of a write with headroom: a frame header fits in. */
#define ENDPOINT_HEADROOM 7
/* Pieces of one write at most, and bytes of one piece. */
#define ENDPOINT_PIECES	   64
#define ENDPOINT_PIECE_MAX 65529

struct endpoint;

struct endpoint_ops {
	/* Takes all of it, queueing what cannot go on at once. `headroom`: see above. */
	void (*write)(struct endpoint *e, struct iovec *iov, int n, bool headroom);
	/* Whether more may come; if not, it calls the peer's resume() once that changes. */
	bool (*has_room)(struct endpoint *e);
	/* The peer's source ended in good order; bytes may still go to the peer. */
	void (*eof)(struct endpoint *e);
	/* The peer is gone in good order: deliver what is queued, close. Unjoins. */
	void (*finish)(struct endpoint *e);
	/* The peer is gone, broken: close hard, so that whoever reads from here sees it. Unjoins.
	 */
	void (*abort)(struct endpoint *e);
	/* The peer has room again, or was just joined. */
	void (*resume)(struct endpoint *e);
};

struct endpoint {
	const struct endpoint_ops *ops;
	struct endpoint *peer; /* NULL: not joined */
	size_t queued;	       /* bytes written to it that it has not passed on */
};

/* What the endpoints of one worker share. */
struct relay_shared {
	struct loop *loop;
	struct buf_pool *pool;
	_Atomic uint32_t *busy; /* how many sockets are being relayed: what a drain waits for */
	struct list all;	/* endpoints with a socket of their own */
	uint8_t *slots; /* RELAY_SLOTS * (ENDPOINT_HEADROOM + ENDPOINT_PIECE_MAX) bytes for reading
			 */
};

#define RELAY_SLOTS 4

/* `busy` stays the caller's. 0 or -ENOMEM. */
int relay_shared_init(struct relay_shared *sh, struct loop *l, struct buf_pool *pool,
		      _Atomic uint32_t *busy);
/* Aborts the endpoints that are left. */
void relay_shared_done(struct relay_shared *sh);

/* Makes two endpoints each other's peer and starts both. */
void endpoint_join(struct endpoint *a, struct endpoint *b);
/*
 * Writes what is queued in b, which belongs to `from`, to its peer and empties it; the rest stays
 * where they are unjoined meanwhile.
 */
void endpoint_pour(struct endpoint *from, struct buf *b, struct buf_pool *pool);
/* Undoes it without another word to either. NULL-safe. */
void endpoint_unjoin(struct endpoint *e);

#endif
