// SPDX-License-Identifier: GPL-2.0-or-later
// A stream as an endpoint: its states, and frames from what is written to it.
#include "app/stream.h"

#include <stdio.h>
#include <string.h>

#include "app/link_engine.h"
#include "app/link_impl.h"
#include "app/link_sockmap.h"
#include "app/state.h"

/* Puts a header before a frame whose pieces those are, into the room of the first one. */
static void put_header(struct stream *st, struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	iov->iov_base = (uint8_t *)iov->iov_base - FRAME_HDR_LEN;
	iov->iov_len += FRAME_HDR_LEN;
	frame_put(iov->iov_base, FRAME_PSH, st->core.id, (uint16_t)len);
}

/* Pieces of at most FRAME_DATA_BULK bytes in all become one frame, copied. */
static void write_copy(struct stream *st, const struct iovec *iov, int n)
{
	uint8_t *frame = st->w->frame;
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		memcpy(frame + FRAME_HDR_LEN + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	frame_put(frame, FRAME_PSH, st->core.id, (uint16_t)len);
	link_packet(st->link, frame, FRAME_HDR_LEN + len);
}

static void write_tight(struct stream *st, const struct iovec *iov)
{
	struct iovec part = *iov;

	for (size_t left = iov->iov_len; left > 0 && !st->link->dead; left -= part.iov_len) {
		part.iov_len = left < FRAME_DATA_BULK ? left : FRAME_DATA_BULK;
		write_copy(st, &part, 1);
		part.iov_base = (uint8_t *)part.iov_base + part.iov_len;
	}
}

static void write_headed(struct stream *st, struct iovec *iov)
{
	put_header(st, iov, 1);
	link_packet(st->link, iov->iov_base, iov->iov_len);
}

/* Each group is a frame. They go as they lie there, but copied while the shaper cuts them up. */
static void write_records(struct stream *st, struct iovec *iov, int n)
{
	struct link *l = st->link;

	while (n > 0 && !l->dead && link_shapes(l)) {
		int group = n < ENDPOINT_GROUP ? n : ENDPOINT_GROUP;

		write_copy(st, iov, group);
		iov += group;
		n -= group;
	}
	for (int i = 0; i < n; i += ENDPOINT_GROUP)
		put_header(st, iov + i, n - i < ENDPOINT_GROUP ? n - i : ENDPOINT_GROUP);
	if (n > 0)
		link_packet_in_place(l, iov, n);
}

/* Counts bytes that go to the session's peer. */
static void sent(struct stream *st, size_t n, enum relay_engine by)
{
	bool up = st->link->core.role == SESSION_CLIENT;

	*(up ? &st->up : &st->down) += n;
	stream_show_moved(st, up, by, n);
	st->down_at_up = st->down;
}

static void endpoint_write(struct endpoint *e, struct iovec *iov, int n, enum endpoint_room room)
{
	struct stream *st = container_of(e, struct stream, e);
	struct link *l = st->link;
	size_t total = 0;

	if (!l || l->dead || st->core.state == STREAM_CLOSED)
		return;
	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	sent(st, total, RELAY_COPY);
	switch (room) {
	case ENDPOINT_RECORDS:
		write_records(st, iov, n);
		break;
	case ENDPOINT_HEADED:
		write_headed(st, iov);
		break;
	case ENDPOINT_TIGHT:
		for (int i = 0; i < n; i++)
			write_tight(st, &iov[i]);
	}
}

static bool endpoint_takes_pipe(struct endpoint *e)
{
	const struct stream *st = container_of(e, struct stream, e);

	return st->link && st->core.state != STREAM_CLOSED && link_takes_pipe(st->link);
}

static void endpoint_write_pipe(struct endpoint *e, struct relay_pipe *p, size_t n)
{
	struct stream *st = container_of(e, struct stream, e);

	sent(st, n, RELAY_SPLICE);
	link_frame_by_pipe(st->link, st->core.id, p, n);
}

static bool endpoint_has_room(struct endpoint *e)
{
	struct stream *st = container_of(e, struct stream, e);

	return !st->link || st->link->dead || link_has_room(st->link, st);
}

static void endpoint_eof(struct endpoint *e)
{
	struct stream *st = container_of(e, struct stream, e);

	if (st->core.state != STREAM_CLOSED)
		st->ops->local_eof(st);
}

static void endpoint_finish(struct endpoint *e)
{
	endpoint_unjoin(e);
	stream_event(container_of(e, struct stream, e), STREAM_EV_LOCAL_DONE, NULL);
}

static void endpoint_abort(struct endpoint *e)
{
	struct stream *st = container_of(e, struct stream, e);

	endpoint_unjoin(e);
	st->ops->local_abort(st);
}

static void endpoint_resume(struct endpoint *e)
{
	struct stream *st = container_of(e, struct stream, e);

	if (!st->joined && e->peer)
		stream_show_joined(st);
	st->joined |= e->peer != NULL;
	if (stream_may_pass_on(st))
		endpoint_pour(e, &st->early, &st->w->pool);
	if (st->link)
		link_account(st->link, st);
}

static const struct endpoint_ops endpoint_ops = {
	.shares_queue = true,
	.write = endpoint_write,
	.has_room = endpoint_has_room,
	.eof = endpoint_eof,
	.finish = endpoint_finish,
	.abort = endpoint_abort,
	.resume = endpoint_resume,
	.takes_pipe = endpoint_takes_pipe,
	.write_pipe = endpoint_write_pipe,
};

void stream_init(struct stream *st, struct link *l, const struct stream_ops *ops, uint32_t id,
		 enum stream_state state)
{
	st->core.id = id;
	st->core.state = state;
	st->e.ops = &endpoint_ops;
	st->e.engine = l->engine;
	st->ops = ops;
	st->link = l;
	st->w = l->w;
	st->start_ms = st->progress_ms = loop_now_ms(l->w->loop);
	list_init(&st->in_blocked);
	list_push_back(&l->streams, &st->in_link);
	state_stream_open(st);
}

static void forget(struct stream *st)
{
	struct link *l = st->link;

	stream_map_end(st);
	l->queued -= st->accounted;
	st->accounted = 0;
	session_remove(&l->core, &st->core);
	list_remove(&st->in_link);
	list_remove(&st->in_blocked);
	state_queues(l, st);
	st->link = NULL;
	link_unpause(l);
	if (list_empty(&l->streams) && !l->dead)
		l->ops->idle(l);
}

/* Tells the session's peer. */
static void tell_peer(struct stream *st, unsigned todo, const char *why)
{
	struct link *l = st->link;

	if (!l || l->dead)
		return;
	if ((todo & STREAM_DO_SYNACK) && l->core.v2)
		link_control(l, FRAME_SYNACK, st->core.id, NULL, 0);
	if ((todo & STREAM_DO_SYNACK_ERROR) && l->core.v2 && l->core.role == SESSION_SERVER)
		link_control(l, FRAME_SYNACK, st->core.id, why, why ? strlen(why) : 0);
	if (todo & STREAM_DO_FIN)
		link_control(l, FRAME_FIN, st->core.id, NULL, 0);
}

/* Unjoins the endpoint that is to be told about the end; NULL where there is none to tell. */
static struct endpoint *take_endpoint(struct stream *st, enum stream_event ev, unsigned todo)
{
	struct endpoint *peer = st->e.peer;

	if (!peer || !(todo & (STREAM_DO_FINISH | STREAM_DO_ABORT)))
		return NULL;
	if (ev == STREAM_EV_SESSION_DEAD && st->ops->keep_local && st->ops->keep_local(st))
		return NULL;
	if (todo & STREAM_DO_FINISH)
		endpoint_pour(&st->e, &st->early, &st->w->pool);
	peer = st->e.peer;
	endpoint_unjoin(&st->e);
	return peer;
}

void stream_event(struct stream *st, enum stream_event ev, const char *why)
{
	enum stream_state before = st->core.state;
	unsigned todo = stream_step(&st->core.state, ev, NULL);
	struct endpoint *peer;

	tell_peer(st, todo, why);
	if (todo & STREAM_DO_ATTACH)
		st->ops->attach(st);
	peer = take_endpoint(st, ev, todo);
	if (todo & STREAM_DO_LINGER)
		st->ops->linger(st);
	if (ev == STREAM_EV_SYNACK && before == STREAM_OPENING)
		st->ops->confirmed(st);
	if (st->core.state == STREAM_CLOSED && !st->told_closed) {
		st->told_closed =
			true; /* what follows from an event may close it before the event is over */
		stream_map_end(st);
		st->w->n_orphans -= st->orphan;
		state_stream_close(st);
		st->ops->closed(st, why);
	}
	if ((todo & STREAM_DO_FORGET) && st->link)
		forget(st);
	/* last: whoever sees the end may come back at once, and finds the session free */
	if (peer && (todo & STREAM_DO_FINISH))
		peer->ops->finish(peer);
	else if (peer)
		peer->ops->abort(peer);
}

const char *stream_tag(const struct stream *st, char out[static STREAM_TAG_MAX])
{
	snprintf(out, STREAM_TAG_MAX, "%s/%u", st->link ? st->link->tag : "-", st->core.id);
	return out;
}

void stream_give_up(struct stream *st, const char *why)
{
	struct endpoint *peer = st->e.peer;

	endpoint_unjoin(&st->e);
	if (peer)
		peer->ops->abort(peer);
	stream_event(st, STREAM_EV_LOCAL_ABORT, why);
}
