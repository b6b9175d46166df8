// SPDX-License-Identifier: GPL-2.0-or-later
// The last seconds of a wire.
#include "app/wire_farewell.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"

#define FAREWELL_MS 3000 /* without progress */

struct farewell {
	struct worker *w;
	struct wire *wire;
	struct watcher watch;
	struct timer timer;
	struct deferred dead;
	struct owned owned;
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

static void ready(struct watcher *w, uint32_t events)
{
	struct farewell *f = container_of(w, struct farewell, watch);
	size_t before = wire_queued(f->wire);
	int err = wire_flush(f->wire);
	ssize_t n;

	(void)events;
	if (err == 0)
		not_busy(f);
	n = wire_read(f->wire, f->w->rx); /* one a turn: a stranger may send without end */
	/* what is left makes an edge again, after the others had their turn */
	if (n > 0 && loop_rewatch(f->w->loop, w, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0)
		n = 0;
	if (wire_queued(f->wire) < before)
		loop_arm(f->w->loop, &f->timer, FAREWELL_MS, expired);
	/* a peer that only stopped sending still gets what is queued */
	if (err == 0 ? n == 0 : err != -EAGAIN || wire_end(f->wire) == WIRE_RESET)
		farewell_end(f);
}

void wire_farewell(struct worker *w, struct wire *wire)
{
	struct farewell *f;
	int err = wire_shutdown(wire);
	bool counted;

	/* nothing left to send and nobody to wait for, or the peer is not there */
	if (err == 0 ? wire_end(wire) != WIRE_OPEN
		     : err != -EAGAIN || wire_end(wire) == WIRE_RESET) {
		wire_free(wire);
		return;
	}
	/* too many strangers at once are not worth the courtesy */
	counted = limit_take(&w->program->n_farewells, w->config->limits.handshakes);
	f = counted || wire_queued(wire) > 0 ? calloc(1, sizeof(*f)) : NULL;
	if (!f) {
		if (counted)
			limit_give(&w->program->n_farewells);
		wire_free(wire);
		return;
	}
	f->w = w;
	f->counted = counted;
	f->wire = wire;
	f->busy = err == -EAGAIN && limit_take(&w->program->n_busy, UINT32_MAX);
	worker_own(w, &f->owned, end_owned);
	f->watch = (struct watcher){ .fd = wire_fd(wire), .ready = ready };
	if (loop_watch(w->loop, &f->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0 ||
	    loop_arm(w->loop, &f->timer, FAREWELL_MS, expired) < 0)
		farewell_end(f);
}
