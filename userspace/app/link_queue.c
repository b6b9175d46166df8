// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps what a session holds for slow destinations bounded: pausing, and resetting stuck streams.
#include "app/link.h"

#include "app/link_impl.h"
#include "app/link_sockmap.h"
#include "app/state.h"
#include "app/stream.h"

#define ALONE_HIGH  (256 * 1024) /* a session's only stream: stop reading rather than queue */
#define PRESSED_MAX (64 * 1024)	 /* what a stream may keep while the worker is over its limit */
#define STUCK_MS    1000	 /* took nothing for so long: stuck rather than slow */

static struct stream *largest(struct link *l)
{
	struct stream *worst = NULL;

	list_for_each (it, &l->streams) {
		struct stream *st = container_of(it, struct stream, in_link);

		if (!worst || st->accounted > worst->accounted)
			worst = st;
	}
	return worst;
}

static void reset(struct link *l, struct stream *st, const char *why)
{
	count(&l->w->counters.streams_reset, 1);
	stream_give_up(st, why);
}

/* Looks again while reading is paused: the stream in the way may have got stuck meanwhile. */
static void stalled(struct timer *t)
{
	struct link *l = container_of(t, struct link, stall_timer);

	link_unpause(l);
}

void link_look_again(struct link *l)
{
	if (!l->stall_timer.slot)
		loop_arm(l->w->loop, &l->stall_timer, STUCK_MS, stalled);
}

/*
 * The queues are full and several streams share the session. Slow ones are waited for; one that
 * takes nothing at all, or is over its bound for too long, makes room for the others.
 */
static bool crowded(struct link *l, uint64_t now)
{
	const struct config_limits *lim = &l->w->config->limits;
	struct stream *worst = largest(l);
	bool stuck = now - worst->progress_ms >= STUCK_MS;
	bool too_long = worst->over_ms && now - worst->over_ms >= lim->stall_timeout_ms;

	if (!stuck && !too_long)
		return true;
	do {
		reset(l, worst,
		      stuck ? "its destination takes nothing while others wait"
			    : "its destination is too slow for the others");
		worst = largest(l);
	} while (!link_alone(l) && l->queued > lim->session_buffer &&
		 now - worst->progress_ms >= STUCK_MS);
	return l->queued > lim->session_buffer;
}

bool link_must_pause(struct link *l)
{
	const struct config_limits *lim = &l->w->config->limits;
	uint64_t now = loop_now_ms(l->w->loop);
	struct stream *worst;

	/* what ended streams still hold counts for nobody in particular: so everybody waits */
	if (l->w->pool.bytes_out > 2 * lim->worker_buffer && !list_empty(&l->streams))
		return true;
	if (l->queued == 0)
		return false;
	if (l->w->pool.bytes_out > lim->worker_buffer && l->queued > PRESSED_MAX)
		return true;
	if (link_alone(l))
		return l->queued >
		       (lim->stream_buffer < ALONE_HIGH ? lim->stream_buffer : ALONE_HIGH);
	if (l->queued > lim->session_buffer)
		return crowded(l, now);
	worst = largest(l);
	if (worst->over_ms && now - worst->over_ms >= lim->stall_timeout_ms)
		reset(l, worst, "its destination is too slow for the others");
	return false;
}

void link_account(struct link *l, struct stream *st)
{
	size_t now_queued = st->early.len + (st->e.peer ? st->e.peer->queued : 0);

	if (now_queued < st->accounted || now_queued == 0)
		st->progress_ms = loop_now_ms(l->w->loop);
	if (now_queued <= l->w->config->limits.stream_buffer)
		st->over_ms = 0;
	else if (!st->over_ms)
		st->over_ms = loop_now_ms(l->w->loop);
	l->queued += now_queued - st->accounted;
	stream_map_account(st);
	st->accounted = now_queued;
	state_queues(l, st);
	link_unpause(l);
}

void link_stop_timers(struct link *l)
{
	loop_disarm(l->w->loop, &l->write_timer);
	loop_disarm(l->w->loop, &l->stall_timer);
	loop_disarm(l->w->loop, &l->silence_timer);
}
