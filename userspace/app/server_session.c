// SPDX-License-Identifier: GPL-2.0-or-later
// The server's side of a session: what a link leaves to its role.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/kernel_offer.h"
#include "app/server.h"
#include "app/state.h"
#include "app/wire_farewell.h"
#include "io/sockopt.h"

static void release(struct deferred *d)
{
	free(container_of(d, struct server_session, dead));
}

static void idle_over(struct timer *t)
{
	struct server_session *ss = container_of(t, struct server_session, idle);
	struct loop *loop = ss->l.w->loop;
	uint64_t limit = ss->l.w->config->limits.session_idle_timeout_ms;
	uint64_t quiet = loop_now_ms(loop) - ss->l.last_read_ms;

	if (quiet < limit) /* heartbeats keep a session that has no stream */
		loop_arm(loop, t, limit - quiet, idle_over);
	else
		link_end(&ss->l, "idle");
}

static void expect_stream(struct link *l)
{
	struct server_session *ss = server_session_of(l);
	uint32_t limit = l->w->config->limits.session_idle_timeout_ms;

	if (l->w->draining)
		link_end(l, "shutting down");
	else if (wire_wear(l->wire) != WIRE_FRESH)
		link_end(l, "its key is half used up");
	else if (limit)
		loop_arm(l->w->loop, &ss->idle, limit, idle_over);
}

static void open_stream(struct link *l, uint32_t stream_id)
{
	loop_disarm(l->w->loop, &server_session_of(l)->idle);
	server_stream_open(l, stream_id);
}

static void act(struct link *l, const struct act *a)
{
	if (a->kind == ACT_SEND_SCHEME)
		link_control(l, FRAME_UPDATE_PADDING, 0, l->scheme->text, l->scheme->padding.len);
}

static void over(struct link *l, const char *why)
{
	struct server_session *ss = server_session_of(l);

	log_info(l->tag, "session of %s (%s) ended: %s", ss->user->name, ss->peer, why);
	loop_disarm(l->w->loop, &ss->idle);
	list_remove(&ss->in_server);
	limit_give(&l->w->program->n_sessions);
	loop_defer(l->w->loop, &ss->dead, release);
}

static const struct link_ops server_link_ops = {
	.open = open_stream,
	.act = act,
	.idle = expect_stream,
	.over = over,
};

void server_session_start(struct server *s, const struct config_user *user, struct wire *wire,
			  const union sockaddr_any *peer, const char *tag, const uint8_t *rest,
			  size_t n)
{
	struct worker *w = s->in.w;
	struct server_session *ss = calloc(1, sizeof(*ss));
	struct scheme *scheme = s->in.shared->scheme;

	if (!ss) {
		wire_farewell(w, wire);
		limit_give(&w->program->n_sessions);
		return;
	}
	ss->s = s;
	ss->user = user;
	ss->from = *peer;
	sockaddr_text(peer, ss->peer);
	list_push_back(&s->sessions, &ss->in_server);
	session_init(&ss->l.core, SESSION_SERVER);
	ss->l.core.max_streams = w->config->limits.streams_per_session;
	ss->l.core.padding_md5 = scheme->md5;
	ss->l.engine = s->in.config->datapath;
	snprintf(ss->l.tag, sizeof(ss->l.tag), "%s", tag);
	count(&w->counters.sessions, 1);
	state_session_open(&ss->l, w, wire, user->name, s->in.config->tag, "%s", ss->peer);
	/* not before: probes on a stranger's silent connection are none of a web server's habits */
	sockopt_keepalive(wire_fd(wire));
	kernel_offer(&ss->l, w, wire, &s->in.config->tls);
	log_info(ss->l.tag, "session of %s from %s on %s over %s", user->name, ss->peer,
		 s->in.config->tag, wire_describe(wire));
	if (w->config->limits.session_idle_timeout_ms)
		loop_arm(w->loop, &ss->idle, w->config->limits.session_idle_timeout_ms, idle_over);
	link_start(&ss->l, w, &server_link_ops, wire, scheme, rest, n);
}
