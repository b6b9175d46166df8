// SPDX-License-Identifier: GPL-2.0-or-later
// The socks inbound: its connections until they are relayed.
#include "app/socks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "io/sockopt.h"

static void release(struct deferred *d)
{
	free(container_of(d, struct socks_conn, dead));
}

/* Ends the dialogue. The descriptor goes with it, unless it was taken. */
void socks_conn_done(struct socks_conn *c)
{
	struct worker *w = c->s->in.w;

	if (c->closed)
		return;
	c->closed = true;
	if (c->flow_open)
		flow_cancel(&c->flow);
	loop_forget(w->loop, &c->watch);
	loop_disarm(w->loop, &c->timer);
	list_remove(&c->in_socks);
	socks_udp_free(c->udp);
	fd_close(c->watch.fd);
	if (!c->place_moved)
		limit_give(&w->program->n_local);
	limit_give(&w->program->n_busy);
	loop_defer(w->loop, &c->dead, release);
}

static void ready(struct watcher *w, uint32_t events)
{
	struct socks_conn *c = container_of(w, struct socks_conn, watch);

	(void)events;
	/* while connecting what comes stays in the socket; only a client that is gone matters */
	if (c->phase == SOCKS_CONNECTING) {
		if (events & (EPOLLHUP | EPOLLERR))
			socks_conn_done(c);
		return;
	}
	while (!c->closed && c->phase != SOCKS_CONNECTING) {
		ssize_t n = recv(w->fd, c->buf + c->have, sizeof(c->buf) - c->have, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			socks_conn_done(c);
			return;
		}
		c->have = (uint16_t)(c->have + n);
		if (c->phase == SOCKS_ASSOCIATED)
			c->have = 0;
		else
			socks_dialogue(c);
	}
}

static void too_slow(struct timer *t)
{
	socks_conn_done(container_of(t, struct socks_conn, timer));
}

static void begin(struct socks *s, int fd)
{
	struct worker *w = s->in.w;
	uint32_t patience_ms = config_handshake_ms(&w->config->limits, s->in.config);
	struct socks_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		fd_close(fd);
		limit_give(&w->program->n_local);
		return;
	}
	sockopt_keepalive(fd);
	limit_take(&w->program->n_busy, UINT32_MAX);
	c->s = s;
	c->watch = (struct watcher){ .fd = fd, .ready = ready };
	snprintf(c->tag, sizeof(c->tag), "l%u", atomic_fetch_add(&w->program->next_tag, 1) + 1);
	list_push_back(&s->conns, &c->in_socks);
	if (loop_watch(w->loop, &c->watch, EPOLLIN | EPOLLRDHUP) < 0 ||
	    loop_arm(w->loop, &c->timer, patience_ms, too_slow) < 0)
		socks_conn_done(c);
}

static void adopt(struct inbound *in, int fd)
{
	begin(container_of(in, struct socks, in), fd);
}

static void accepted(struct listener_sink *sink, int fd, const union sockaddr_any *peer)
{
	struct socks *s = container_of(sink, struct socks, in.sink);
	struct worker *w = s->in.w, *better = NULL;
	struct outbound *o = w->outbounds[w->config->final_outbound];

	(void)peer;
	count(&w->counters.connections, 1);
	if (!limit_take(&w->program->n_local, w->config->limits.local_connections)) {
		if (log_allowed(&s->refused, 1))
			log_warn(s->in.config->tag,
				 "connections are refused: limits.local_connections is reached");
		fd_close(fd);
		return;
	}
	if (o->ops->better_worker)
		better = o->ops->better_worker(o);
	if (!better || worker_hand_over(better, s->in.index, fd) < 0)
		begin(s, fd);
}

static void drain(struct inbound *in)
{
	struct socks *s = container_of(in, struct socks, in);

	listener_free(in->listener);
	in->listener = NULL;
	list_for_each_safe(it, &s->conns)
	{
		struct socks_conn *c = container_of(it, struct socks_conn, in_socks);

		if (c->phase < SOCKS_CONNECTING)
			socks_conn_done(c);
	}
}

static void socks_free(struct inbound *in)
{
	struct socks *s = container_of(in, struct socks, in);

	drain(in);
	while (!list_empty(&s->conns))
		socks_conn_done(container_of(s->conns.next, struct socks_conn, in_socks));
	free(s);
}

static const struct inbound_ops socks_ops = { .adopt = adopt, .drain = drain, .free = socks_free };

struct inbound *socks_new(struct worker *w, const struct config_inbound *c, int fd, char *why,
			  size_t why_len)
{
	struct socks *s = calloc(1, sizeof(*s));

	snprintf(why, why_len, "out of memory");
	if (!s)
		return NULL;
	s->in = (struct inbound){
		.ops = &socks_ops, .config = c, .w = w, .sink.accepted = accepted
	};
	list_init(&s->conns);
	s->in.listener = listener_start(w->loop, fd, &s->in.sink);
	if (s->in.listener)
		return &s->in;
	free(s);
	return NULL;
}
