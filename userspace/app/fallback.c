// SPDX-License-Identifier: GPL-2.0-or-later
// The wire of a client that is no user, as an endpoint.
#include "app/fallback_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "app/wire_farewell.h"

#define ROOM_HIGH    (192 * 1024)
#define EARLY_MAX    (256 * 1024) /* kept while the target is being dialled */
#define LAST_MS	     30000 /* the target has closed: the client has so long, without progress */
#define READS_A_TURN 4

void fallback_release(struct deferred *d)
{
	free(container_of(d, struct fallback, dead));
}

/* Frees it; the wire and the place are dealt with by the caller. */
static void fallback_done(struct fallback *f)
{
	struct endpoint *peer = f->e.peer;

	f->closed = true;
	worker_disown(&f->owned);
	loop_disarm(f->w->loop, &f->last);
	if (f->dialing)
		dial_cancel(&f->dial);
	loop_forget(f->w->loop, &f->watch);
	loop_unpost(f->w->loop, &f->read_task);
	loop_unpost(f->w->loop, &f->flush_task);
	buf_done(&f->early, &f->w->pool);
	endpoint_unjoin(&f->e);
	if (peer)
		peer->ops->finish(peer);
	loop_defer(f->w->loop, &f->dead, fallback_release);
}

void fallback_end(struct fallback *f, void (*close_wire)(struct worker *w, struct wire *wire))
{
	struct wire *wire = f->wire;

	if (f->closed)
		return;
	f->wire = NULL;
	limit_give(&f->w->program->n_sessions);
	fallback_done(f);
	close_wire(f->w, wire);
	if (f->guard)
		f->guard->over(f->owner);
}

void fallback_cancel(struct fallback *f)
{
	if (!f || f->closed)
		return;
	wire_free(f->wire);
	f->wire = NULL;
	f->guard = NULL;
	fallback_done(f);
}

void fallback_pass_on(struct fallback *f, const uint8_t *p, size_t n)
{
	struct endpoint *peer = f->e.peer;
	struct iovec iov = { (void *)p, n };

	f->unanswered = true;
	fallback_look_for_head(f, p, n);
	if (peer && f->early.len == 0)
		peer->ops->write(peer, &iov, 1, ENDPOINT_TIGHT);
	else if (buf_append(&f->early, &f->w->pool, p, n) < 0)
		fallback_end(f, fallback_close_hard);
}

/* The first bytes of a client that had been silent: false where its owner takes it back. */
static bool ask_guard(struct fallback *f, const uint8_t *p, size_t n)
{
	const struct fallback_guard *guard = f->guard;
	struct wire *wire = f->wire;

	f->guard = NULL;
	f->wire = NULL;
	loop_forget(f->w->loop, &f->watch);
	f->wire = guard->broken(f->owner, wire, p, n);
	return f->wire != NULL;
}

static void wire_ready(struct watcher *w, uint32_t events);

int fallback_watch(struct fallback *f)
{
	f->watch = (struct watcher){ .fd = wire_fd(f->wire), .ready = wire_ready };
	return loop_watch(f->w->loop, &f->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

static void received(struct fallback *f, const uint8_t *p, size_t n)
{
	if (f->guard) {
		if (!ask_guard(f, p, n)) {
			fallback_done(f);
			return;
		}
		if (fallback_watch(f) < 0) {
			fallback_end(f, fallback_close_hard);
			return;
		}
	}
	fallback_pass_on(f, p, n);
}

static void source_end(struct fallback *f)
{
	struct endpoint *peer = f->e.peer;

	f->source_ended = true;
	f->readable = false;
	if (wire_end(f->wire) == WIRE_RESET) {
		endpoint_unjoin(&f->e);
		if (peer)
			peer->ops->abort(peer);
		fallback_end(f, wire_farewell);
	} else if (f->sink_ended || f->guard) {
		fallback_end(f, fallback_close_quietly);
	} else if (peer && f->early.len == 0) {
		peer->ops->eof(peer);
	}
}

static bool may_read(const struct fallback *f)
{
	if (f->closed || !f->readable || f->source_ended)
		return false;
	return f->e.peer ? f->e.peer->ops->has_room(f->e.peer) : f->early.len < EARLY_MAX;
}

static void read_some(struct task *t)
{
	struct fallback *f = container_of(t, struct fallback, read_task);

	for (int i = 0; i < READS_A_TURN && may_read(f); i++) {
		ssize_t n = wire_read(f->wire, f->w->rx);

		if (n == -EAGAIN)
			f->readable = false;
		else if (n == 0)
			source_end(f);
		else
			received(f, f->w->rx, (size_t)n);
	}
	if (may_read(f))
		loop_post(f->w->loop, &f->read_task, read_some);
}

/* What the kernel has taken, it goes on delivering to a slow client. */
static void too_long(struct timer *t)
{
	struct fallback *f = container_of(t, struct fallback, last);

	fallback_end(f, wire_queued(f->wire) ? fallback_close_hard : fallback_close_quietly);
}

static void flush(struct fallback *f)
{
	size_t before = wire_queued(f->wire);
	int err = wire_flush(f->wire);

	if (f->sink_ended && f->last.slot && wire_queued(f->wire) < before)
		loop_arm(f->w->loop, &f->last, LAST_MS, too_long);
	if (err < 0 && err != -EAGAIN) {
		fallback_end(f, fallback_close_hard);
	} else if (f->blocked && wire_queued(f->wire) < ROOM_HIGH / 2 && f->e.peer) {
		f->blocked = false;
		f->e.peer->ops->resume(f->e.peer);
	}
}

static void flush_late(struct task *t)
{
	flush(container_of(t, struct fallback, flush_task));
}

static void wire_ready(struct watcher *w, uint32_t events)
{
	struct fallback *f = container_of(w, struct fallback, watch);

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		f->readable = true;
	if (events & EPOLLOUT)
		flush(f);
	if (!f->closed)
		read_some(&f->read_task);
}

static struct fallback *of(struct endpoint *e)
{
	return container_of(e, struct fallback, e);
}

/* How many go together, so that the records are as full as a web server's. */
static int pieces_of_a_write(const struct iovec *iov, int n)
{
	size_t total = 0;
	int k = 0;

	while (k < n && (k == 0 || total + iov[k].iov_len <= WIRE_WRITE_MAX))
		total += iov[k++].iov_len;
	return k;
}

static void endpoint_write(struct endpoint *e, struct iovec *iov, int n, enum endpoint_room room)
{
	struct fallback *f = of(e);

	(void)room;
	f->unanswered = false;
	f->answered = true;
	fallback_stop_patience(f);
	for (int i = 0, k; i < n && !f->closed && !f->sink_ended; i += k) {
		k = pieces_of_a_write(iov + i, n - i);
		if (wire_write(f->wire, iov + i, k, WIRE_LATER) < 0)
			fallback_end(f, fallback_close_hard);
	}
	if (!f->closed)
		loop_post_late(f->w->loop, &f->flush_task, flush_late);
}

static bool endpoint_has_room(struct endpoint *e)
{
	struct fallback *f = of(e);

	f->blocked = wire_queued(f->wire) >= ROOM_HIGH;
	return !f->blocked;
}

static void endpoint_eof(struct endpoint *e)
{
	struct fallback *f = of(e);

	f->sink_ended = true;
	if (f->guard) { /* too late to log in */
		fallback_end(f, fallback_close_at_once);
	} else if (f->source_ended || (f->unanswered && !(f->answered && wire_unacked(f->wire)))) {
		/* closing at once may make an RST, which must not overtake an earlier answer */
		fallback_end(f, fallback_close_quietly);
	} else {
		f->patient = false;  /* it has another use now */
		wire_flush(f->wire); /* the answer in packets of its own, as a web server's */
		wire_shutdown(f->wire);
		loop_arm(f->w->loop, &f->last, LAST_MS, too_long);
	}
}

static void endpoint_finish(struct endpoint *e)
{
	endpoint_unjoin(e);
	wire_flush(of(e)->wire);
	fallback_end(of(e), of(e)->source_ended ? fallback_close_quietly : wire_farewell);
}

static void endpoint_abort(struct endpoint *e)
{
	endpoint_unjoin(e);
	fallback_end(of(e), fallback_close_hard);
}

static void endpoint_resume(struct endpoint *e)
{
	struct fallback *f = of(e);

	if (!f->closed && f->readable)
		loop_post(f->w->loop, &f->read_task, read_some);
}

const struct endpoint_ops fallback_endpoint_ops = {
	.write = endpoint_write,
	.has_room = endpoint_has_room,
	.eof = endpoint_eof,
	.finish = endpoint_finish,
	.abort = endpoint_abort,
	.resume = endpoint_resume,
};
