// SPDX-License-Identifier: GPL-2.0-or-later
// The client's side of a stream: opening, proof of life, retry, and the held-back FIN.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/client.h"
#include "app/state.h"
#include "app/stream.h"

#define WATCHDOG_MS 3000 /* protocol notes 3.4 */
#define TRUST_MS    250	 /* a session heard so lately is taken to be alive */
/* Quiet time before a held-back FIN (protocol notes 2.6): nothing was answered yet, much was,
 * little was. */
#define LINGER_MS	10000
#define LINGER_BULK_MS	3000
#define LINGER_SMALL_MS 1000
#define LINGER_STEP_MS	250 /* those of a session that are due in the same step end in one packet  \
			     */
#define ANSWER_SMALL  65536
#define LINGERING_MAX 32 /* of one session; beyond it the oldest need not wait any longer */

struct client_stream {
	struct stream s;
	struct flow *flow; /* waits for the server's first sign of life; may be NULL */
	struct timer watchdog, linger;
	struct deferred dead;
	uint64_t heard_at; /* the session's bytes_in when the stream was opened */
	uint32_t linger_ms;
	bool released; /* the session may be used for another stream */
	bool waiting;  /* the flow was not told yet */
	bool retried;  /* this is the second try */
	struct addr dst;
	char inbound_user[64];
	char tag[STREAM_TAG_MAX];
};

static struct client_stream *of(struct stream *st)
{
	return container_of(st, struct client_stream, s);
}

static void release(struct deferred *d)
{
	free(container_of(d, struct client_stream, dead));
}

static void watchdog(struct timer *t)
{
	struct client_stream *cs = container_of(t, struct client_stream, watchdog);
	struct link *l = cs->s.link;

	if (cs->s.core.state != STREAM_OPENING)
		return;
	if (l->bytes_in == cs->heard_at)
		link_end(l, "dead: no answer to a new stream");
	else
		stream_give_up(&cs->s, "the server does not answer for this stream");
}

static void confirmed(struct stream *st)
{
	struct client_stream *cs = of(st);
	struct flow *f = cs->flow;

	loop_disarm(st->w->loop, &cs->watchdog);
	if (!cs->waiting)
		return;
	cs->waiting = false;
	cs->flow = NULL;
	if (!f) {
		stream_event(st, STREAM_EV_LOCAL_ABORT, "given up");
		return;
	}
	f->pending = NULL;
	f->ops->opened(f, &st->e);
	endpoint_pour(&st->e, &st->early, &st->w->pool);
}

static void linger_over(struct timer *t)
{
	stream_event(&container_of(t, struct client_stream, linger)->s, STREAM_EV_LINGER_OVER,
		     NULL);
}

static void linger(struct stream *st)
{
	uint64_t now = loop_now_ms(st->w->loop), due = now + of(st)->linger_ms;

	due += LINGER_STEP_MS - 1 - (due - 1) % LINGER_STEP_MS;
	loop_arm(st->w->loop, &of(st)->linger, due - now, linger_over);
}

static void release_session(struct client_stream *cs, struct link *l)
{
	if (cs->released || !l)
		return;
	cs->released = true;
	client_session_released(client_session_of(l));
}

/* Too many wait for their FIN: the one that has waited longest gets it. */
static void limit_lingering(struct link *l)
{
	if (l->core.n_streams <= LINGERING_MAX)
		return;
	list_for_each (it, &l->streams) {
		struct stream *st = container_of(it, struct stream, in_link);

		if (st->core.state == STREAM_LINGER && of(st)->released) {
			stream_event(st, STREAM_EV_LINGER_OVER, NULL);
			return;
		}
	}
}

/*
 * The application's EOF. FIN would end the download too, so it is held back until that has been
 * quiet for a while. Most applications have simply closed: so the session is free for the next
 * stream meanwhile, unless much is coming down.
 */
static void local_eof(struct stream *st)
{
	struct client_stream *cs = of(st);
	struct link *l = st->link;
	uint64_t answer = st->down - st->down_at_up;
	bool bulk = answer >= ANSWER_SMALL || st->e.peer->queued > 0;

	cs->linger_ms = answer == 0 ? LINGER_MS : bulk ? LINGER_BULK_MS : LINGER_SMALL_MS;
	stream_event(st, STREAM_EV_LOCAL_EOF, NULL);
	if (st->core.state != STREAM_LINGER || bulk)
		return;
	release_session(cs, l);
}

/*
 * The application was cut off. FIN would tell the destination of a good end, and what the server
 * still sends would be in the next stream's way (protocol notes 5.5): so more than a small exchange
 * that was answered takes the session with it.
 */
static void local_abort(struct stream *st)
{
	if (st->down == st->down_at_up || st->up + st->down >= ANSWER_SMALL)
		link_end(st->link, "reset by the application");
	else
		stream_event(st, STREAM_EV_LOCAL_ABORT, "reset by the application");
}

static void log_end(struct client_stream *cs, const char *why)
{
	char text[ADDR_TEXT_MAX];

	log_info(cs->tag, "%s%s%s: up %llu, down %llu bytes in %llu ms%s%s", cs->inbound_user,
		 cs->inbound_user[0] ? " to " : "", addr_text(&cs->dst, text),
		 (unsigned long long)cs->s.up, (unsigned long long)cs->s.down,
		 (unsigned long long)(loop_now_ms(cs->s.w->loop) - cs->s.start_ms), why ? ": " : "",
		 why ? why : "");
}

/* The flow was never told that it is open: so it can be tried again, or be told why not. */
static void settle_flow(struct client_stream *cs, bool session_dead, const char *why)
{
	struct flow *f = cs->flow;
	struct client *c = client_of(f->outbound);

	cs->flow = NULL;
	cs->waiting = false;
	f->pending = NULL;
	if (session_dead && !f->retried && !cs->s.w->draining) {
		f->retried = true;
		count(&cs->s.w->counters.client_retries, 1);
		log_info(cs->tag, "tried again on a fresh session");
		client_dial(c, f);
		return;
	}
	f->ops->failed(f, session_dead ? -ECONNRESET : -ECONNREFUSED,
		       why ? why : "refused by the server");
}

/* Nothing can have reached the destination: another session may do what this one did not. */
static bool keep_local(struct stream *st)
{
	struct client_stream *cs = of(st);

	if (st->up || st->down || cs->linger_ms || cs->retried || st->w->draining ||
	    !client_session_of(st->link)->rested)
		return false;
	count(&st->w->counters.client_retries, 1);
	log_info(cs->tag, "tried again on a fresh session");
	return client_rescue(client_session_of(st->link)->c, st->e.peer, &cs->dst, cs->inbound_user,
			     cs->tag);
}

static void closed(struct stream *st, const char *why)
{
	struct client_stream *cs = of(st);
	struct worker *w = st->w;
	struct link *l = st->link;

	loop_disarm(w->loop, &cs->watchdog);
	loop_disarm(w->loop, &cs->linger);
	count(&w->counters.bytes_up, st->up);
	count(&w->counters.bytes_down, st->down);
	log_end(cs, why);
	if (l && !l->dead)
		release_session(cs, l);
	if (cs->flow)
		settle_flow(cs, l && l->dead, why);
	buf_done(&st->early, &w->pool);
	loop_defer(w->loop, &cs->dead, release);
}

static void arrived(struct stream *st, struct iovec *iov, int n)
{
	stream_keep(st, iov, n);
}

static void nothing(struct stream *st)
{
	(void)st;
}

static const struct stream_ops client_stream_ops = {
	.arrived = arrived,
	.confirmed = confirmed,
	.attach = nothing,
	.linger = linger,
	.local_eof = local_eof,
	.local_abort = local_abort,
	.keep_local = keep_local,
	.closed = closed,
};

/* Settings where still due, SYN and the destination, in one packet (protocol notes 4.4). */
static void send_open(struct client_session *session, struct client_stream *cs)
{
	struct worker *w = cs->s.w;
	uint8_t *p = w->frame;
	size_t n = client_greeting(session, p, FRAME_DATA_MAX - 2 * FRAME_HDR_LEN - ADDR_WIRE_MAX),
	       len;

	frame_put(p + n, FRAME_SYN, cs->s.core.id, 0);
	n += FRAME_HDR_LEN;
	len = addr_put(ADDR_SOCKS, p + n + FRAME_HDR_LEN, &cs->dst);
	frame_put(p + n, FRAME_PSH, cs->s.core.id, (uint16_t)len);
	link_packet(&session->l, p, n + FRAME_HDR_LEN + len);
}

void client_stream_open(struct client_session *session, struct flow *f)
{
	struct link *l = &session->l;
	struct worker *w = l->w;
	struct client_stream *cs = calloc(1, sizeof(*cs));
	bool fresh = !session->rested;
	/* without SYNACK there is nothing to wait for */
	bool trusted = fresh || !l->core.v2 || loop_now_ms(w->loop) - l->last_read_ms < TRUST_MS;

	if (!cs) {
		link_end(l, "out of memory");
		f->ops->failed(f, -ENOMEM, "out of memory");
		return;
	}
	count(&w->counters.streams, 1);
	session->n_active++;
	stream_init(&cs->s, l, &client_stream_ops, l->core.next_id++, STREAM_OPENING);
	session_add(&l->core, &cs->s.core);
	stream_tag(&cs->s, cs->tag);
	cs->dst = f->dst;
	state_stream_ends(&cs->s, &f->src, &f->dst);
	snprintf(cs->inbound_user, sizeof(cs->inbound_user), "%s", f->user);
	cs->heard_at = l->bytes_in;
	cs->waiting = !trusted;
	cs->retried = f->retried;
	limit_lingering(l); /* its FIN leaves with what follows */
	send_open(session, cs);
	if (!fresh && l->core.v2)
		loop_arm(w->loop, &cs->watchdog, WATCHDOG_MS, watchdog);
	if (trusted) {
		f->ops->opened(f, &cs->s.e);
	} else {
		cs->flow = f;
		f->pending = &cs->flow;
	}
}
