// SPDX-License-Identifier: GPL-2.0-or-later
// A connection from accept to the end of its TLS handshake.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include "app/fallback.h"
#include "app/server_conn.h"
#include "base/fd.h"

#define TLS_HANDSHAKE 0x16 /* the first byte of every TLS connection */

static void handshake_over(struct conn *c)
{
	size_t len;
	const char *alpn = handshake_alpn(c->handshake, &len);

	if (len > 0 && len < sizeof(c->alpn))
		memcpy(c->alpn, alpn, len);
	loop_forget(c->s->in.w->loop, &c->watch);
	c->wire = handshake_finish(c->handshake);
	c->handshake = NULL;
	if (!c->wire)
		conn_close(c);
	else
		conn_expect_preamble(c);
}

static void handshake_ready(struct watcher *w, uint32_t events)
{
	struct conn *c = container_of(w, struct conn, watch);
	char from[SOCKADDR_TEXT_MAX];
	int err = handshake_step(c->handshake);

	(void)events;
	if (err == -EAGAIN)
		return;
	if (err == 0) {
		handshake_over(c);
		return;
	}
	count(&c->s->in.w->counters.handshakes_failed, 1);
	log_info(c->tag, "TLS handshake with %s failed: %s", sockaddr_text(&c->peer, from),
		 handshake_why(c->handshake));
	conn_close(c);
}

static void handshake_late(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);
	char from[SOCKADDR_TEXT_MAX];

	count(&c->s->in.w->counters.handshakes_failed, 1);
	log_info(c->tag, "TLS handshake with %s took too long", sockaddr_text(&c->peer, from));
	conn_close(c);
}

static void begin_handshake(struct conn *c)
{
	struct worker *w = c->s->in.w;

	c->handshake = handshake_accept(&w->wires, c->fd, c->s->tls);
	if (!c->handshake) {
		conn_close(c);
		return;
	}
	c->fd = -1;
	c->watch.ready = handshake_ready;
	if (loop_watch(w->loop, &c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0)
		conn_close(c);
}

/* No TLS: a web server's TLS port knows what to say, and sees the connection as it came. */
static void pass_raw(struct conn *c)
{
	const struct config_inbound *in = c->s->in.config;
	struct worker *w = c->s->in.w;
	struct wire *wire = wire_plain_new(&w->wires, c->fd);

	if (!wire) {
		conn_close(c);
		return;
	}
	c->fd = -1;
	count(&w->counters.fallbacks, 1);
	log_info(c->tag, "no TLS: passed on to %s:%u", in->fallback_tls.host,
		 in->fallback_tls.port);
	fallback_start(w, wire, &in->fallback_tls, NULL, 0, conn_patience_ms(c), c->tag);
	conn_done(c); /* the fallback has the place of n_sessions now */
}

static void first_byte(struct watcher *w, uint32_t events)
{
	struct conn *c = container_of(w, struct conn, watch);
	uint8_t byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	loop_forget(c->s->in.w->loop, w);
	if (n <= 0)
		conn_close(c);
	else if (byte == TLS_HANDSHAKE)
		begin_handshake(c);
	else
		pass_raw(c);
}

static void begin_tls(struct conn *c)
{
	const struct config_inbound *in = c->s->in.config;
	struct loop *l = c->s->in.w->loop;

	if (loop_arm(l, &c->timer, config_handshake_ms(c->s->in.shared->limits, in),
		     handshake_late) < 0) {
		conn_close(c);
	} else if (!in->fallback_tls.host) {
		begin_handshake(c);
	} else {
		c->watch.ready = first_byte;
		if (loop_watch(l, &c->watch, EPOLLIN | EPOLLRDHUP) < 0)
			conn_close(c);
	}
}

void conn_accepted(struct server *s, int fd, const union sockaddr_any *peer)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		limit_give(&s->in.w->program->n_sessions);
		limit_give(&s->in.w->program->n_handshakes);
		fd_close(fd);
		return;
	}
	c->s = s;
	c->fd = fd;
	c->peer = *peer;
	c->watch.fd = fd;
	snprintf(c->tag, sizeof(c->tag), "s%u",
		 atomic_fetch_add(&s->in.w->program->next_tag, 1) + 1);
	c->since_ms = loop_now_ms(s->in.w->loop);
	list_push_back(&s->in.w->handshakes, &c->in_worker);
	conn_note_oldest(s->in.w);
	if (s->tls) {
		begin_tls(c);
		return;
	}
	c->wire = wire_plain_new(&s->in.w->wires, fd);
	if (!c->wire) {
		conn_close(c);
	} else {
		c->fd = -1;
		conn_expect_preamble(c);
	}
}
