// SPDX-License-Identifier: GPL-2.0-or-later
// What comes for a stream by the wire: to its other end, or kept until there is one.
#include "app/stream.h"

#include "app/link_engine.h"

void stream_keep(struct stream *st, const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++)
		if (buf_append(&st->early, &st->w->pool, iov[i].iov_base, iov[i].iov_len) < 0) {
			stream_give_up(st, "out of memory");
			return;
		}
}

bool stream_arrived(struct stream *st, size_t n, enum relay_engine by)
{
	bool up = st->link->core.role == SESSION_SERVER;

	*(up ? &st->up : &st->down) += n;
	stream_show_moved(st, up, by, n);
	if (st->core.state == STREAM_OPENING || st->core.state == STREAM_LINGER) {
		bool first = st->core.state == STREAM_OPENING;

		stream_event(st, STREAM_EV_DATA, NULL);
		if (first && st->core.state == STREAM_OPEN)
			st->ops->confirmed(st);
	}
	return st->core.state != STREAM_CLOSED;
}

bool stream_may_pass_on(const struct stream *st)
{
	struct endpoint *peer = st->e.peer;

	return peer && (!peer->ops->shares_queue || peer->ops->has_room(peer));
}

static void pass_on(struct stream *st, struct iovec *iov, int n)
{
	if (st->early.len == 0 && stream_may_pass_on(st)) {
		st->e.peer->ops->write(st->e.peer, iov, n, ENDPOINT_TIGHT);
	} else if (st->e.peer) {
		stream_keep(st, iov, n);
	} else {
		st->ops->arrived(st, iov, n);
	}
	if (st->link)
		link_account(st->link, st);
}

void stream_deliver(struct stream *st, struct iovec *iov, int n)
{
	size_t total = 0;

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (stream_arrived(st, total, RELAY_COPY))
		pass_on(st, iov, n);
}

void stream_deliver_pipe(struct stream *st, struct relay_pipe *p, size_t n)
{
	bool pipes = st->early.len == 0 && endpoint_pipes_now(&st->e);
	struct iovec iov = { st->w->rx, n };

	if (!stream_arrived(st, n, pipes ? RELAY_SPLICE : RELAY_COPY)) {
		relay_pipe_drop(p, n);
	} else if (st->early.len == 0 && endpoint_pipes_now(&st->e)) { /* events may change it */
		st->e.peer->ops->write_pipe(st->e.peer, p, n);
		if (st->link)
			link_account(st->link, st);
	} else if (relay_pipe_read(p, iov.iov_base, n) == 0) {
		pass_on(st, &iov, 1);
	}
}
