/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sessions and streams show of themselves: a line where something happens. A session's and a
 * stream's `shown` is never NULL from open on, so these store without asking. Worker thread only.
 */
#ifndef APP_STATE_H
#define APP_STATE_H

#include "app/link.h"
#include "app/stream.h"
#include "proto/addr.h"

/* Before link_start(); l->tag and the role are set. The format makes the peer's address. */
void state_session_open(struct link *l, struct worker *w, const struct wire *wire, const char *user,
			const char *bound, const char *peer, ...)
	__attribute__((format(printf, 6, 7)));
void state_session_close(struct link *l);

/* Who makes the records, in each direction. */
void state_session_wire(struct link *l, enum state_wire in, enum state_wire out);
/* Which engine the session's streams use, and why no faster one; NULL: there is no reason to give.
 */
void state_session_engine(struct link *l, enum state_engine engine, const char *why);

void state_stream_open(struct stream *st);
void state_stream_close(struct stream *st);
/* It became known where it leads to; src: who asks, of family 0 where nobody knows. */
void state_stream_ends(struct stream *st, const union sockaddr_any *src, const struct addr *dst);
/* As for a session. Counts streams that begin to use an engine. */
void state_stream_engine(struct stream *st, enum state_engine engine, const char *why);

/* Bytes came from the wire. */
static inline void state_session_in(struct link *l)
{
	state_put(&l->shown->bytes_in, l->bytes_in);
	state_put(&l->shown->active_ms, l->last_read_ms);
}

/* Bytes went to the wire. */
static inline void state_session_out(struct link *l)
{
	state_put(&l->shown->bytes_out, l->bytes_out);
}

/* A queue changed, or the number of streams went down. */
static inline void state_queues(struct link *l, struct stream *st)
{
	state_put(&l->shown->queued, l->queued);
	state_put(&st->shown->queued, st->accounted);
	__atomic_store_n(&l->shown->streams_now, l->core.n_streams, __ATOMIC_RELAXED);
}

/* Payload that an engine moved, towards the server or from it. */
static inline void state_stream_copied(struct stream *st, bool up, uint64_t n)
{
	count(up ? &st->shown->copied_up : &st->shown->copied_down, n);
	count(up ? &st->w->counters.bytes_copied_up : &st->w->counters.bytes_copied_down, n);
}

static inline void state_stream_spliced(struct stream *st, bool up, uint64_t n)
{
	count(up ? &st->shown->spliced_up : &st->shown->spliced_down, n);
	count(up ? &st->w->counters.bytes_spliced_up : &st->w->counters.bytes_spliced_down, n);
}

static inline void state_stream_sockmap(struct stream *st, bool up, uint64_t n)
{
	count(up ? &st->shown->sockmap_up : &st->shown->sockmap_down, n);
	count(up ? &st->w->counters.bytes_sockmap_up : &st->w->counters.bytes_sockmap_down, n);
}

#endif
