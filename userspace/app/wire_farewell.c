// SPDX-License-Identifier: GPL-2.0-or-later
// The last seconds of a wire.
#include "app/wire_farewell.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"

#define FAREWELL_MS 3000 /* without progress */
#define HELD_MS	    5	 /* no event tells when kernel TLS has passed on what it holds */

struct farewell {
	struct worker *w;
	struct wire *wire;
	struct watcher watch;
	struct timer timer, again;
	struct deferred dead;
	struct owned owned;
	size_t left;  /* bytes to go, when it was looked at last */
	bool counted; /* in program->n_farewells */
	bool busy;    /* bytes are queued: a drain waits for them */
};

static void release(struct deferred *d)
{
	free(container_of(d, struct farewell, dead));
}

static void not_busy(struct farewell *f)
{
	if (f->busy)
		limit_give(&f->w->program->n_busy);
	f->busy = false;
}

static void farewell_end(struct farewell *f)
{
	not_busy(f);
	if (f->counted)
		limit_give(&f->w->program->n_farewells);
	worker_disown(&f->owned);
	loop_forget(f->w->loop, &f->watch);
	loop_disarm(f->w->loop, &f->timer);
	loop_disarm(f->w->loop, &f->again);
	wire_free(f->wire);
	loop_defer(f->w->loop, &f->dead, release);
}

static void expired(struct timer *t)
{
	farewell_end(container_of(t, struct farewell, timer));
}

static void end_owned(struct owned *o)
{
	farewell_end(container_of(o, struct farewell, owned));
}

/* Whether nothing is left to do: all is sent and the peer is done as well, or it is gone. */
static bool is_over(struct wire *wire, int err)
{
	enum wire_end end = wire_end(wire);

	/* what cannot be read any more would make an RST of a close before the peer has read all */
	if (err == 0)
		return end != WIRE_OPEN && end != WIRE_STALE;
	/* a peer that only stopped sending still gets what is queued */
	return err != -EAGAIN || end == WIRE_RESET;
}

static void look_again(struct timer *t);

static void go_on(struct farewell *f, uint32_t events)
{
	struct loop *loop = f->w->loop;
	size_t before = f->left;
	int err = wire_flush(f->wire);
	bool held = err == -EAGAIN && wire_queued(f->wire) == 0;
	ssize_t n;

	if (err == 0)
		not_busy(f);
	n = wire_read(f->wire, f->w->rx); /* one a turn: a stranger may send without end */
	/* what is left makes an edge again, after the others had their turn */
	if (n > 0 && loop_rewatch(loop, &f->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0)
		err = -ENOMEM;
	f->left = held ? wire_unacked(f->wire) : wire_queued(f->wire);
	if (f->left < before)
		loop_arm(loop, &f->timer, FAREWELL_MS, expired);
	if (is_over(f->wire, err) || (err == 0 && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) &&
				      wire_end(f->wire) == WIRE_STALE))
		farewell_end(f);
	else if (held)
		loop_arm(loop, &f->again, HELD_MS, look_again);
}

static void look_again(struct timer *t)
{
	go_on(container_of(t, struct farewell, again), 0);
}

static void ready(struct watcher *w, uint32_t events)
{
	go_on(container_of(w, struct farewell, watch), events);
}

void wire_farewell(struct worker *w, struct wire *wire)
{
	struct farewell *f;
	int err = wire_shutdown(wire);
	bool counted;

	if (is_over(wire, err)) {
		wire_free(wire);
		return;
	}
	/* too many strangers at once are not worth the courtesy */
	counted = limit_take(&w->program->n_farewells, w->config->limits.handshakes);
	f = counted || err == -EAGAIN ? calloc(1, sizeof(*f)) : NULL;
	if (!f) {
		if (counted)
			limit_give(&w->program->n_farewells);
		wire_free(wire);
		return;
	}
	f->w = w;
	f->counted = counted;
	f->wire = wire;
	f->left = SIZE_MAX;
	f->busy = err == -EAGAIN && limit_take(&w->program->n_busy, UINT32_MAX);
	worker_own(w, &f->owned, end_owned);
	f->watch = (struct watcher){ .fd = wire_fd(wire), .ready = ready };
	if (loop_watch(w->loop, &f->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0 ||
	    loop_arm(w->loop, &f->timer, FAREWELL_MS, expired) < 0 ||
	    (err == -EAGAIN && loop_arm(w->loop, &f->again, HELD_MS, look_again) < 0))
		farewell_end(f);
}
