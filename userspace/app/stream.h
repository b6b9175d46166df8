/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One stream of a session as an endpoint: the part that both roles share. Worker thread only. */
#ifndef APP_STREAM_H
#define APP_STREAM_H

#include "app/link.h"
#include "datapath/endpoint.h"

struct state_stream;

struct stream_ops {
	/* Bytes came while nobody is joined: stream_keep() them, or use them up. */
	void (*arrived)(struct stream *st, struct iovec *iov, int n);
	/* Client: the server gave the first sign of life for this stream. */
	void (*confirmed)(struct stream *st);
	/* Server: join with the destination that was dialled. */
	void (*attach)(struct stream *st);
	/* Client: (re)start the linger timer. */
	void (*linger)(struct stream *st);
	/* The endpoint it is joined with has no more to send. */
	void (*local_eof)(struct stream *st);
	/* The endpoint it was joined with broke. */
	void (*local_abort)(struct stream *st);
	/* Client, or NULL: the session died. Whether the joined endpoint was kept for another try.
	 */
	bool (*keep_local)(struct stream *st);
	/* It is closed and unjoined; release it, deferred. `why` is NULL for a good end. */
	void (*closed)(struct stream *st, const char *why);
};

/* Embedded by the roles' streams. */
struct stream {
	struct session_stream core;
	struct endpoint e;
	struct worker *w;
	struct link *link; /* NULL once the session forgot the stream */
	const struct stream_ops *ops;
	struct list in_link, in_blocked;
	struct buf early;     /* came before there was anybody to take it */
	size_t accounted;     /* its part of link->queued */
	uint64_t progress_ms; /* when its destination last took something */
	uint64_t over_ms;     /* since when it is over its bound; 0: it is not */
	uint64_t up, down;    /* payload bytes: towards the server, from the server */
	uint64_t down_at_up; /* `down` when something was last sent up: what came since is an answer
			      */
	uint64_t start_ms;
	unsigned slot;		    /* in the worker's sockmap; 0: none */
	bool unmapped;		    /* the sockmap did not take it */
	struct state_stream *shown; /* what others see of it; see app/state.h */
	bool orphan;		    /* counted in w->n_orphans */
	bool joined;		    /* it has had an other end */
	bool told_closed;	    /* ops->closed() was called */
};

/* Fills st in; the caller session_add()s it. */
void stream_init(struct stream *st, struct link *l, const struct stream_ops *ops, uint32_t id,
		 enum stream_state state);

/* Ends it from our side, and its other end with it, for a reason that is told to the far side. */
void stream_give_up(struct stream *st, const char *why);

/* An event: changes the state and performs what follows. `why` goes with errors, or NULL. */
void stream_event(struct stream *st, enum stream_event ev, const char *why);

/* Bytes from the wire, all for this stream. */
void stream_deliver(struct stream *st, struct iovec *iov, int n);

/* The same, for n bytes of the worker's pipe, which has lost them afterwards. */
void stream_deliver_pipe(struct stream *st, struct relay_pipe *p, size_t n);

/* Bytes came, moved by that engine: counts them and tells the state table. False: the stream is
 * closed by now. */
bool stream_arrived(struct stream *st, size_t n, enum relay_engine by);

/* Whether its other end takes more: one that is a stream as well has its session's queue. */
bool stream_may_pass_on(const struct stream *st);

/* Appends to st->early; without memory the stream ends. */
void stream_keep(struct stream *st, const struct iovec *iov, int n);

/* "s12/3" into out; returns out. */
#define STREAM_TAG_MAX 32
const char *stream_tag(const struct stream *st, char out[static STREAM_TAG_MAX]);

#endif
