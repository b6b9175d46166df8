// SPDX-License-Identifier: GPL-2.0-or-later
// The anytls inbound: its instances, and what happens to a connection first.
#include "app/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

struct inbound_shared *server_shared_new(const struct config_inbound *c, const struct config *all,
					 char *why, size_t why_len)
{
	struct inbound_shared *s = calloc(1, sizeof(*s));

	snprintf(why, why_len, "out of memory");
	if (!s)
		return NULL;
	s->config = c;
	s->limits = &all->limits;
	s->sources = source_limit_new(all->limits.auth_failures_per_minute);
	if (!s->sources)
		goto fail;
	if (scheme_new(c->padding_scheme, strlen(c->padding_scheme), &s->scheme) < 0) {
		snprintf(why, why_len, "padding scheme cannot be used");
		goto fail;
	}
	if (c->tls.enabled) {
		s->certs = certs_new(&c->tls, why, why_len);
		if (!s->certs)
			goto fail;
	}
	return s;
fail:
	server_shared_free(s);
	return NULL;
}

void server_shared_free(struct inbound_shared *s)
{
	if (!s)
		return;
	certs_free(s->certs);
	scheme_unref(s->scheme);
	source_limit_free(s->sources);
	free(s);
}

bool server_shared_refresh(struct inbound_shared *s, char *why, size_t why_len)
{
	int ret;

	why[0] = '\0';
	ret = s->certs ? certs_refresh(s->certs, why, why_len) : 0;
	return ret > 0;
}

static void refuse(struct server *s, int fd, const char *why)
{
	if (log_allowed(&s->refused, 1))
		log_warn(s->in.config->tag, "connections are refused: %s", why);
	fd_close(fd);
}

/* Of all workers; another one does it a moment later. */
static void push_out_oldest(struct worker *self)
{
	struct program *p = self->program;
	struct worker *who = self;

	for (unsigned i = 0; i < p->n_workers; i++)
		if (atomic_load(&p->workers[i].oldest_ms) < atomic_load(&who->oldest_ms))
			who = &p->workers[i];
	if (who != self)
		worker_push_out(who);
	else if (conn_oldest(self))
		conn_close(conn_oldest(self));
}

/* A connection came; it gets a place, or the door. */
static void accepted(struct listener_sink *sink, int fd, const union sockaddr_any *peer)
{
	struct server *s = container_of(sink, struct server, in.sink);
	struct program *p = s->in.w->program;
	const struct config_limits *lim = s->in.shared->limits;

	count(&s->in.w->counters.connections, 1);
	/* a web server in the background serves everybody, so there nobody is turned away */
	if (!config_has_fallback(s->in.config) &&
	    source_limit_blocked(s->in.shared->sources, peer)) {
		refuse(s, fd, "too many authentication failures from one address");
		return;
	}
	if (!limit_take(&p->n_sessions, lim->sessions)) {
		refuse(s, fd, "limits.sessions is reached");
		return;
	}
	if (!limit_take(&p->n_handshakes, lim->handshakes)) {
		/* the oldest has had its time: a flood of half-open ones must not keep others out
		 */
		push_out_oldest(s->in.w);
		limit_take(&p->n_handshakes, UINT32_MAX);
	}
	conn_accepted(s, fd, peer);
}

static struct server *server_of(struct inbound *in)
{
	return container_of(in, struct server, in);
}

static void drain(struct inbound *in)
{
	struct server *s = server_of(in);

	listener_free(in->listener);
	in->listener = NULL;
	while (conn_oldest(in->w)) /* every inbound of the worker is being drained */
		conn_close(conn_oldest(in->w));
	list_for_each_safe(it, &s->sessions)
	{
		struct server_session *ss = container_of(it, struct server_session, in_server);

		if (list_empty(&ss->l.streams))
			link_end(&ss->l, "shutting down");
	}
}

static void reload(struct inbound *in)
{
	struct server *s = server_of(in);
	char why[200];
	struct tls_server *fresh = certs_build(in->shared->certs, why, sizeof(why));

	if (!fresh) {
		log_error(in->config->tag, "certificates not reloaded: %s", why);
		return;
	}
	tls_server_free(s->tls);
	s->tls = fresh;
}

static void server_free(struct inbound *in)
{
	struct server *s = server_of(in);

	drain(in);
	while (!list_empty(&s->sessions))
		link_end(&container_of(s->sessions.next, struct server_session, in_server)->l,
			 "shutting down");
	tls_server_free(s->tls);
	free(s);
}

static const struct inbound_ops server_ops = {
	.drain = drain,
	.reload = reload,
	.free = server_free,
};

struct inbound *server_new(struct worker *w, const struct config_inbound *c,
			   struct inbound_shared *shared, int fd, char *why, size_t why_len)
{
	struct server *s = calloc(1, sizeof(*s));

	snprintf(why, why_len, "out of memory");
	if (!s)
		return NULL;
	s->in = (struct inbound){
		.ops = &server_ops, .config = c, .shared = shared, .w = w, .sink.accepted = accepted
	};
	list_init(&s->sessions);
	if (c->tls.enabled) {
		s->tls = certs_build(shared->certs, why, why_len);
		if (!s->tls)
			goto fail;
	}
	s->in.listener = listener_start(w->loop, fd, &s->in.sink);
	if (s->in.listener)
		return &s->in;
fail:
	tls_server_free(s->tls);
	free(s);
	return NULL;
}
