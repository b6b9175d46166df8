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
#include "datapath/engine.h"
#include "datapath/pipe.h"
#include "ev/loop.h"
#include "wire/wire.h"

/* Pieces of one write at most. */
#define ENDPOINT_PIECES 64

/* Writable bytes around the pieces of a write, so that nobody needs to copy them. */
enum endpoint_room {
	ENDPOINT_TIGHT,	  /* none: the pieces must stay as they are */
	ENDPOINT_HEADED,  /* one piece of at most 65529 bytes, ENDPOINT_HEADROOM before it */
	ENDPOINT_RECORDS, /* as relay_lay_out() has it: frames of up to ENDPOINT_GROUP pieces */
};

#define ENDPOINT_HEADROOM 7 /* a frame header */
#define ENDPOINT_GROUP	  4 /* a frame of four records: 4 * 16384 - 7 bytes */

struct endpoint;

struct endpoint_ops {
	/* What write() takes is no more of its own (`queued`): whoever writes has to ask has_room(),
	   even for what it has already. */
	bool shares_queue;
	/* Takes all of it, queueing what cannot go on at once; may change the pieces and what is
	   around them as `room` allows. */
	void (*write)(struct endpoint *e, struct iovec *iov, int n, enum endpoint_room room);
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
	/* Whether what is in a pipe can go on past our memory at this moment. NULL: it never can.
	 */
	bool (*takes_pipe)(struct endpoint *e);
	/* The TCP socket that write() writes to, as it comes. NULL: there is none. */
	int (*socket)(struct endpoint *e);
	/* After takes_pipe(): as write(), for n (at most ENDPOINT_PIPE_MAX) bytes of the worker's
	   pipe, which has lost them afterwards in any case. */
	void (*write_pipe)(struct endpoint *e, struct relay_pipe *p, size_t n);
};

#define ENDPOINT_PIPE_MAX 65529 /* a frame of four records */

struct endpoint {
	const struct endpoint_ops *ops;
	struct endpoint *peer;	  /* NULL: not joined */
	size_t queued;		  /* bytes written to it that it has not passed on */
	enum relay_engine engine; /* what its side asks for; set by whoever made it */
};

/* Whether bytes for its peer may go by pipe, then whether they can at this moment. */
static inline bool endpoint_pipes(const struct endpoint *e)
{
	return e->peer && e->peer->ops->takes_pipe &&
	       relay_engine_join(e->engine, e->peer->engine) != RELAY_COPY;
}
static inline bool endpoint_pipes_now(const struct endpoint *e)
{
	return endpoint_pipes(e) && e->peer->ops->takes_pipe(e->peer);
}

/* What the endpoints of one worker share. */
struct relay_shared {
	struct loop *loop;
	struct buf_pool *pool;
	_Atomic uint32_t *busy; /* how many sockets are being relayed: what a drain waits for */
	struct list all;	/* endpoints with a socket of their own */
	uint8_t *read;		/* RELAY_READ_ROOM bytes, see relay_lay_out() */
	struct relay_pipe pipe; /* PIPE_WIDE */
};

#define RELAY_PIECES 16 /* of one read */
#define RELAY_READ_MAX                                                                             \
	(RELAY_PIECES * WIRE_PIECE_MAX - RELAY_PIECES / ENDPOINT_GROUP * ENDPOINT_HEADROOM)
#define RELAY_READ_ROOM (RELAY_PIECES * (WIRE_ROOM_BEFORE + WIRE_PIECE_MAX + WIRE_ROOM_AFTER))

/* `busy` stays the caller's. 0 or -ENOMEM. */
int relay_shared_init(struct relay_shared *sh, struct loop *l, struct buf_pool *pool,
		      _Atomic uint32_t *busy);
/* Aborts the endpoints that are left. */
void relay_shared_done(struct relay_shared *sh);

/*
 * Pieces of sh->read for one read of RELAY_READ_MAX bytes, which is then written on with
 * ENDPOINT_RECORDS. A piece is what a full TLS record holds, with the room of wire_write_in_place()
 * around it; the first of each group has room for a frame header instead of its first bytes.
 */
void relay_lay_out(struct relay_shared *sh, struct iovec iov[static RELAY_PIECES]);

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
