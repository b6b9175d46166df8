// SPDX-License-Identifier: GPL-2.0-or-later
// The server's side of a stream: destination, dial, answer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/server.h"
#include "app/state.h"
#include "app/stream.h"
#include "app/uot_end.h"

#define ACK_MS 1500 /* after the address, SYNACK waits no longer (protocol notes 3.4) */

struct server_stream {
	struct stream s;
	struct flow flow;
	struct timer ack; /* the destination is due, then SYNACK */
	struct deferred dead;
	struct endpoint *far; /* dialled, about to be joined */
	bool dialing;
	uint16_t have; /* bytes of the address */
	uint8_t address[ADDR_WIRE_MAX];
	char tag[STREAM_TAG_MAX];
};

static struct server_stream *of(struct stream *st)
{
	return container_of(st, struct server_stream, s);
}

static void release(struct deferred *d)
{
	free(container_of(d, struct server_stream, dead));
}

static void opened(struct flow *f, struct endpoint *far)
{
	struct server_stream *ss = container_of(f, struct server_stream, flow);

	ss->dialing = false;
	ss->far = far;
	loop_disarm(f->w->loop, &ss->ack);
	stream_event(&ss->s, STREAM_EV_DIALED, NULL);
}

static void failed(struct flow *f, int err, const char *why)
{
	struct server_stream *ss = container_of(f, struct server_stream, flow);

	(void)err;
	ss->dialing = false;
	loop_disarm(f->w->loop, &ss->ack);
	stream_event(&ss->s, STREAM_EV_DIAL_FAILED, why);
}

static void ack_due(struct timer *t)
{
	stream_event(&container_of(t, struct server_stream, ack)->s, STREAM_EV_ACK_DUE, NULL);
}

static void address_late(struct timer *t)
{
	stream_event(&container_of(t, struct server_stream, ack)->s, STREAM_EV_BAD_DESTINATION,
		     "no destination in time");
}

static void attach(struct stream *st)
{
	struct server_stream *ss = of(st);
	struct endpoint *far = ss->far;

	ss->far = NULL;
	endpoint_join(&st->e, far);
	endpoint_pour(&st->e, &st->early, &st->w->pool);
	if (st->link)
		link_account(st->link, st);
}

static void start(struct server_stream *ss)
{
	struct flow *f = &ss->flow;
	enum uot_version uot = uot_version(&f->dst);
	const struct config_inbound *in = server_session_of(ss->s.link)->s->in.config;
	char text[ADDR_TEXT_MAX];

	log_debug(ss->tag, "%s to %s", f->user, addr_text(&f->dst, text));
	state_stream_ends(&ss->s, &f->src, &f->dst);
	stream_event(&ss->s, STREAM_EV_DESTINATION, NULL);
	ss->dialing = true;
	loop_disarm(f->w->loop, &ss->ack);
	if (uot == UOT_NONE) {
		loop_arm(f->w->loop, &ss->ack, ACK_MS, ack_due);
		flow_connect(f);
	} else {
		struct endpoint *e = uot_server_new(f, uot, in->udp_timeout_ms);

		if (e)
			opened(f, e);
		else
			failed(f, -1, "no UDP here");
	}
}

/* Collects the address; what follows it waits for the destination. */
static void arrived(struct stream *st, struct iovec *iov, int n)
{
	struct server_stream *ss = of(st);

	while (n > 0 && st->core.state == STREAM_ADDRESS) {
		size_t room = sizeof(ss->address) - ss->have;
		size_t take = iov->iov_len < room ? iov->iov_len : room;
		size_t before = ss->have;
		ssize_t used;

		memcpy(ss->address + before, iov->iov_base, take);
		ss->have = (uint16_t)(before + take);
		used = addr_parse(ADDR_SOCKS, ss->address, ss->have, &ss->flow.dst);
		if (used < 0) {
			stream_event(st, STREAM_EV_BAD_DESTINATION, "malformed destination");
			return;
		}
		take = used ? (size_t)used - before : take;
		iov->iov_base = (uint8_t *)iov->iov_base + take;
		iov->iov_len -= take;
		st->up -= take;
		state_stream_copied(st, true, -(uint64_t)take);
		if (used) {
			/* the rest first: the dial may be over at once */
			stream_keep(st, iov, n);
			if (st->core.state == STREAM_ADDRESS)
				start(ss);
			return;
		}
		iov++;
		n--;
	}
	if (st->core.state != STREAM_CLOSED)
		stream_keep(st, iov, n);
}

/* The destination has sent all: FIN ends the stream both ways (protocol notes 2.6). */
static void local_eof(struct stream *st)
{
	struct endpoint *far = st->e.peer;

	endpoint_unjoin(&st->e);
	stream_event(st, STREAM_EV_LOCAL_DONE, NULL);
	if (far)
		far->ops->finish(far);
}

static void local_abort(struct stream *st)
{
	stream_event(st, STREAM_EV_LOCAL_ABORT, "reset by the destination");
}

static void log_end(struct server_stream *ss, const char *why)
{
	struct worker *w = ss->s.w;
	char text[ADDR_TEXT_MAX];

	if (!ss->flow.dst.type)
		return;
	log_info(ss->tag, "%s to %s by %s: up %llu, down %llu bytes in %llu ms%s%s", ss->flow.user,
		 addr_text(&ss->flow.dst, text),
		 ss->flow.outbound ? ss->flow.outbound->config->tag : "-",
		 (unsigned long long)ss->s.up, (unsigned long long)ss->s.down,
		 (unsigned long long)(loop_now_ms(w->loop) - ss->s.start_ms), why ? ": " : "",
		 why ? why : "");
}

static void closed(struct stream *st, const char *why)
{
	struct server_stream *ss = of(st);
	struct worker *w = st->w;

	if (ss->dialing)
		flow_cancel(&ss->flow);
	if (ss->far)
		ss->far->ops->abort(ss->far);
	loop_disarm(w->loop, &ss->ack);
	buf_done(&st->early, &w->pool);
	count(&w->counters.bytes_up, st->up);
	count(&w->counters.bytes_down, st->down);
	limit_give(&w->program->n_busy);
	log_end(ss, why);
	loop_defer(w->loop, &ss->dead, release);
}

static void nothing(struct stream *st)
{
	(void)st;
}

static const struct stream_ops server_stream_ops = {
	.arrived = arrived,
	.confirmed = nothing,
	.attach = attach,
	.linger = nothing,
	.local_eof = local_eof,
	.local_abort = local_abort,
	.closed = closed,
};

static const struct flow_ops server_flow_ops = { .opened = opened, .failed = failed };

void server_stream_open(struct link *l, uint32_t stream_id)
{
	struct server_session *session = server_session_of(l);
	struct server_stream *ss = l->w->draining ? NULL : calloc(1, sizeof(*ss));

	if (!ss) {
		if (l->core.v2)
			link_control(l, FRAME_SYNACK, stream_id, "shutting down", 13);
		link_control(l, FRAME_FIN, stream_id, NULL, 0);
		return;
	}
	limit_take(&l->w->program->n_busy, UINT32_MAX);
	count(&l->w->counters.streams, 1);
	stream_init(&ss->s, l, &server_stream_ops, stream_id, STREAM_ADDRESS);
	session_add(&l->core, &ss->s.core);
	loop_arm(l->w->loop, &ss->ack, l->w->config->limits.auth_timeout_ms, address_late);
	stream_tag(&ss->s, ss->tag);
	ss->flow.w = l->w;
	ss->flow.ops = &server_flow_ops;
	ss->flow.inbound = session->s->in.index;
	ss->flow.network = IPPROTO_TCP;
	ss->flow.user = session->user->name;
	ss->flow.tag = ss->tag;
	ss->flow.src = session->from;
}
