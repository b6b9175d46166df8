// SPDX-License-Identifier: GPL-2.0-or-later
// A session's incoming side by pipe: large frames go from socket to socket past our memory.
#include "app/link.h"

#include <errno.h>

#include "app/link_impl.h"
#include "app/link_sockmap.h"
#include "app/stream.h"

/* The stream whose frame the reader stands in, if the rest of it is worth a splice() and its
 * destination is a socket. */
static struct stream *in_large_frame(struct link *l)
{
	struct session_stream *found = session_in_data(&l->core, PIPE_WORTH);
	struct stream *st = found ? container_of(found, struct stream, core) : NULL;

	return st && st->early.len == 0 && endpoint_pipes(&st->e) ? st : NULL;
}

/* The stream of the last frame, when a large one began since this was asked last: a read may well
 * end where a frame does. */
static struct stream *after_large_frame(struct link *l)
{
	bool large = l->core.longest >= PIPE_WORTH;
	struct session_stream *found =
		large ? session_find(&l->core, l->core.frame.stream_id) : NULL;
	struct stream *st = found ? container_of(found, struct stream, core) : NULL;

	l->core.longest = 0;
	return st && st->early.len == 0 && endpoint_pipes(&st->e) ? st : NULL;
}

/* RELAY_AUTO is up to the other end of each stream. */
static bool may_pipe(const struct link *l)
{
	return l->engine != RELAY_COPY && !l->copies_in && wire_splices_in(l->wire);
}

bool link_pipes(struct link *l)
{
	struct stream *st;

	if (!may_pipe(l))
		return false;
	st = in_large_frame(l);
	if (!st)
		st = after_large_frame(l);
	if (st) {
		l->piping = true;
		l->mapping = link_maps(l, st);
	}
	return l->piping && relay_pipe_open(&l->w->relay.pipe, PIPE_WIDE);
}

/* A queue would have to be filled by copy: a lone stream's destination can be waited for. */
bool link_pipe_must_pause(struct link *l)
{
	struct stream *st = may_pipe(l) ? in_large_frame(l) : NULL;

	return st && link_alone(l) && st->e.peer->queued > 0;
}

/* Bytes to read by copy, of the n that are in the pipe, before there is something to decide. */
static size_t copy_want(struct link *l, size_t n)
{
	size_t want = session_header_left(&l->core);

	if (want == 0 && in_large_frame(l))
		want = l->core.left; /* its destination is busy: the next frame's may not be */
	else if (want == 0) {
		l->piping = l->mapping = false; /* frames of this kind are not worth it ... */
		want = n;			/* ... nor is the rest */
	}
	want = want < n ? want : n;
	return want < WIRE_READ_ROOM ? want : WIRE_READ_ROOM;
}

/* Passes on one piece of the n bytes in the pipe; returns its length, 0 where that fails. */
static size_t pass_on(struct link *l, struct relay_pipe *p, size_t n)
{
	struct stream *st = in_large_frame(l);
	size_t take = n < l->core.left ? n : l->core.left;

	if (st && endpoint_pipes_now(&st->e)) {
		take = take < ENDPOINT_PIPE_MAX ? take : ENDPOINT_PIPE_MAX;
		session_skip_data(&l->core, (uint32_t)take);
		stream_deliver_pipe(st, p, take);
		return take;
	}
	take = copy_want(l, n);
	if (relay_pipe_read(p, l->w->rx, take) < 0)
		return 0;
	link_parse(l, l->w->rx, take);
	return take;
}

/* All of the n bytes in the pipe. */
static void pass_on_all(struct link *l, struct relay_pipe *p, size_t n)
{
	while (n > 0 && !l->dead) {
		size_t took = pass_on(l, p, n);

		if (took == 0) /* cannot happen: what the pipe holds is known */
			link_end(l, "the pipe is broken");
		n -= took;
	}
	relay_pipe_drop(p, n);
}

static ssize_t read_into(struct link *l, struct relay_pipe *p, size_t max)
{
	ssize_t n = wire_splice_in(l->wire, p->wr, p->slots, max);

	if (n > 0)
		link_heard(l, (size_t)n);
	return n;
}

/* Through the program in the kernel, and what that leaves as by pipe. */
static ssize_t map_read(struct link *l)
{
	struct relay_pipe *p = &l->w->sockmap->pipe;
	ssize_t n = read_into(l, p, DEMUX_PUSH_MAX), took;

	if (n <= 0)
		return n;
	took = link_map_push(l, (size_t)n);
	if (took >= 0)
		pass_on_all(l, p, (size_t)(n - took));
	return n;
}

ssize_t link_pipe_read(struct link *l)
{
	struct relay_pipe *p = &l->w->relay.pipe;
	ssize_t n;

	/* it is closed, for whoever comes next, where the kernel has lost track */
	if (l->mapping && relay_pipe_open(&l->w->sockmap->pipe, PIPE_NARROW))
		return map_read(l);
	n = read_into(l, p, PIPE_FILL);
	if (n > 0)
		pass_on_all(l, p, (size_t)n);
	return n;
}
