// SPDX-License-Identifier: GPL-2.0-or-later
// The socks inbound: its connections until they are relayed.
#include "app/socks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

static void release(struct deferred *d)
{
	free(container_of(d, struct socks_conn, l.dead));
}

void socks_conn_done(struct socks_conn *c)
{
	if (local_conn_end(&c->l, release))
		socks_udp_free(c->udp);
}

static void ready(struct watcher *w, uint32_t events)
{
	struct socks_conn *c = container_of(w, struct socks_conn, l.watch);

	(void)events;
	/* while connecting what comes stays in the socket; only a client that is gone matters */
	if (c->phase == SOCKS_CONNECTING) {
		if (events & (EPOLLHUP | EPOLLERR))
			socks_conn_done(c);
		return;
	}
	while (!c->l.closed && c->phase != SOCKS_CONNECTING) {
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
	socks_conn_done(container_of(t, struct socks_conn, l.timer));
}

static void begin(struct socks *s, int fd, const union sockaddr_any *peer)
{
	struct worker *w = s->in.w;
	uint32_t patience_ms = config_handshake_ms(&w->config->limits, s->in.config);
	struct socks_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		local_drop(&s->in, fd);
		return;
	}
	c->s = s;
	c->user = "";
	c->l.watch.ready = ready;
	local_conn_start(&c->l, &s->in, &s->conns, fd, peer);
	if (local_conn_watch(&c->l, EPOLLIN | EPOLLRDHUP) < 0 ||
	    loop_arm(w->loop, &c->l.timer, patience_ms, too_slow) < 0)
		socks_conn_done(c);
}

static void adopt(struct inbound *in, int fd)
{
	begin(container_of(in, struct socks, in), fd, NULL);
}

static void accepted(struct listener_sink *sink, int fd, const union sockaddr_any *peer)
{
	struct socks *s = container_of(sink, struct socks, in.sink);

	if (!local_place(&s->in, &s->refused))
		fd_close(fd);
	else if (!local_handed_over(&s->in, fd))
		begin(s, fd, peer);
}

static void drain(struct inbound *in)
{
	struct socks *s = container_of(in, struct socks, in);

	listener_free(in->listener);
	in->listener = NULL;
	list_for_each_safe(it, &s->conns)
	{
		struct socks_conn *c = container_of(it, struct socks_conn, l.link);

		if (c->phase < SOCKS_CONNECTING)
			socks_conn_done(c);
	}
}

static void socks_free(struct inbound *in)
{
	struct socks *s = container_of(in, struct socks, in);

	drain(in);
	while (!list_empty(&s->conns))
		socks_conn_done(container_of(s->conns.next, struct socks_conn, l.link));
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
	if (local_listen(&s->in, fd))
		return &s->in;
	free(s);
	return NULL;
}
