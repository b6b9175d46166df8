// SPDX-License-Identifier: GPL-2.0-or-later
// A session's life: reading the wire, performing acts, ending.
#include "app/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/kernel_offer.h"
#include "app/link_engine.h"
#include "app/link_impl.h"
#include "app/state.h"
#include "app/stream.h"
#include "app/wire_farewell.h"

#define READS_A_TURN 4

static struct stream *stream_of(struct session_stream *st)
{
	return container_of(st, struct stream, core);
}

/* Text from the peer, for the log: whole, as a C string. */
static const char *peer_text(const struct act *a, char out[static 160])
{
	snprintf(out, 160, "%.*s", (int)(a->len < 150 ? a->len : 150), (const char *)a->data);
	return out;
}

static void act_synack(struct stream *st, const struct act *a)
{
	char text[160];

	if (a->len == 0)
		stream_event(st, STREAM_EV_SYNACK, NULL);
	else
		stream_event(st, STREAM_EV_SYNACK_ERROR, peer_text(a, text));
}

static void act_fin(struct stream *st)
{
	bool dialing = st->core.state == STREAM_DIALING || st->core.state == STREAM_ACKED;
	struct worker *w = st->w;
	bool drop = st->early.len == 0 || w->n_orphans >= w->config->limits.streams_per_session;

	stream_event(st, dialing && drop ? STREAM_EV_REMOTE_CANCEL : STREAM_EV_REMOTE_FIN, NULL);
	st->orphan = st->core.state == STREAM_ORPHAN;
	w->n_orphans += st->orphan;
}

static void act_close(struct link *l, const struct act *a)
{
	char text[160], why[200];

	l->refused = a->kind != ACT_SEND_ALERT;
	if (a->kind == ACT_SEND_ALERT)
		link_control(l, FRAME_ALERT, 0, a->data, a->len);
	snprintf(why, sizeof(why), "%s%s", a->kind == ACT_ALERT ? "alert from the peer: " : "",
		 peer_text(a, text));
	link_end(l, why);
}

/* Gathers the data acts of one stream that follow each other; returns how many acts that were. */
static unsigned act_data(struct acts *acts, unsigned first)
{
	struct session_stream *st = acts->act[first].stream;
	struct iovec iov[ACTS_MAX];
	unsigned n = 0;

	while (first + n < acts->n && acts->act[first + n].kind == ACT_DATA &&
	       acts->act[first + n].stream == st) {
		iov[n] = (struct iovec){ (void *)acts->act[first + n].data,
					 acts->act[first + n].len };
		n++;
	}
	if (st->state != STREAM_CLOSED)
		stream_deliver(stream_of(st), iov, (int)n);
	return n;
}

static void perform_one(struct link *l, const struct act *a)
{
	switch (a->kind) {
	case ACT_OPEN:
		l->ops->open(l, a->stream_id);
		break;
	case ACT_REFUSE:
		count(&l->w->counters.streams_refused, 1);
		if (l->core.v2)
			link_control(l, FRAME_SYNACK, a->stream_id, "too many streams", 16);
		link_control(l, FRAME_FIN, a->stream_id, NULL, 0);
		break;
	case ACT_FIN:
		act_fin(stream_of(a->stream));
		break;
	case ACT_SYNACK:
		act_synack(stream_of(a->stream), a);
		break;
	case ACT_SEND:
		link_control(l, a->cmd, a->stream_id, a->data, a->len);
		break;
	case ACT_ALERT:
	case ACT_SEND_ALERT:
	case ACT_CLOSE:
		act_close(l, a);
		break;
	default:
		l->ops->act(l, a);
	}
}

static void perform(struct link *l, struct acts *acts)
{
	for (unsigned i = 0; i < acts->n && !l->dead;) {
		if (acts->act[i].kind == ACT_DATA) {
			i += act_data(acts, i);
		} else {
			perform_one(l, &acts->act[i]);
			i++;
		}
	}
}

void link_heard(struct link *l, size_t n)
{
	l->bytes_in += n;
	l->last_read_ms = loop_now_ms(l->w->loop);
	state_session_in(l);
}

void link_parse(struct link *l, const uint8_t *p, size_t n)
{
	struct acts acts;
	size_t used = 0;

	while (used < n && !l->dead) {
		ssize_t took = session_feed(&l->core, p + used, n - used, &acts);

		if (took < 0) {
			link_end(l, "out of memory");
			return;
		}
		used += (size_t)took;
		perform(l, &acts);
	}
}

static void feed(struct link *l, const uint8_t *p, size_t n)
{
	link_heard(l, n);
	link_parse(l, p, n);
}

static void end_of_wire(struct link *l)
{
	static const char *const why[] = {
		[WIRE_CLOSED] = "closed by the peer",
		[WIRE_TRUNCATED] = "cut by the peer without close_notify",
		[WIRE_RESET] = "connection lost",
		[WIRE_STALE] = "the peer changed its key, which the kernel cannot follow",
	};

	l->lost = true;
	link_end(l, why[wire_end(l->wire)]);
}

static ssize_t read_by_copy(struct link *l)
{
	ssize_t n = wire_read(l->wire, l->w->rx);

	if (n > 0) {
		if (!wire_more(l->wire) && !l->hup)
			l->readable = false;
		feed(l, l->w->rx, (size_t)n);
	}
	return n;
}

/* One read, passed on. As wire_read(). */
static ssize_t read_once(struct link *l)
{
	ssize_t n = link_pipes(l) ? link_pipe_read(l) : -EBUSY;

	return n == -EBUSY ? read_by_copy(l) : n;
}

/* Whether the kernel and the session's keys do not go together any more, or never did. */
static bool end_if_unfit(struct link *l)
{
	const char *refused = kernel_offer_follow(l);
	char why[160];

	if (!refused)
		return link_end_if_spent(l);
	snprintf(why, sizeof(why), "kernel TLS is required, but the kernel refuses: %s", refused);
	link_end(l, why);
	return true;
}

static void read_some(struct task *t)
{
	struct link *l = container_of(t, struct link, read_task);

	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n;

		if (l->dead || !l->readable || end_if_unfit(l))
			return;
		l->paused = link_must_pause(l) || link_pipe_must_pause(l);
		n = l->paused ? -EAGAIN : read_once(l);
		if (n == -EAGAIN && l->broken) {
			l->lost = true;
			link_end(l, "connection lost");
			return;
		}
		if (n == -EAGAIN) {
			l->readable = l->paused;
			if (l->paused)
				link_look_again(l);
			return;
		}
		if (n == 0) {
			end_of_wire(l);
			return;
		}
	}
	link_post_read(l);
}

void link_post_read(struct link *l)
{
	if (!l->dead && l->readable)
		loop_post(l->w->loop, &l->read_task, read_some);
}

void link_unpause(struct link *l)
{
	if (!l->paused || l->dead)
		return;
	l->paused = false;
	link_post_read(l); /* which pauses again where it is too early */
}

static void ready(struct watcher *w, uint32_t events)
{
	struct link *l = container_of(w, struct link, watch);

	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		l->hup = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		l->readable = true;
	if (events & EPOLLOUT)
		link_flush(l);
	read_some(&l->read_task);
}

void link_start(struct link *l, struct worker *w, const struct link_ops *ops, struct wire *wire,
		struct scheme *scheme, const uint8_t *prefix, size_t n)
{
	l->w = w;
	l->ops = ops;
	l->wire = wire;
	l->scheme = scheme_ref(scheme);
	l->shaper = (struct shaper){ .scheme = &scheme->padding, .packet = 1 };
	l->watch = (struct watcher){ .fd = wire_fd(wire), .ready = ready };
	l->last_read_ms = loop_now_ms(w->loop);
	list_init(&l->streams);
	link_show_engine(l);
	list_init(&l->blocked);
	l->readable = true;
	if (loop_watch(w->loop, &l->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0)
		link_end(l, "out of memory");
	else
		feed(l, prefix, n);
	link_post_read(l);
}

static void end_streams(struct link *l, const char *why)
{
	while (!list_empty(&l->streams))
		stream_event(container_of(l->streams.next, struct stream, in_link),
			     STREAM_EV_SESSION_DEAD, why);
}

void link_end(struct link *l, const char *why)
{
	if (l->dead)
		return;
	l->dead = true;
	loop_unpost(l->w->loop, &l->read_task);
	loop_unpost(l->w->loop, &l->flush_task);
	link_stop_timers(l);
	loop_forget(l->w->loop, &l->watch);
	end_streams(l, why);
	wire_farewell(l->w, l->wire);
	l->wire = NULL;
	session_done(&l->core);
	l->scheme = scheme_unref(l->scheme);
	state_session_close(l);
	l->ops->over(l, why);
}
