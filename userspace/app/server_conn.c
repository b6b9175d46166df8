// SPDX-License-Identifier: GPL-2.0-or-later
// A connection from its handshake to its authentication: the preamble, or the fallback.
#include "app/server_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/fallback.h"
#include "app/wire_farewell.h"
#include "base/fd.h"
#include "base/secret.h"
#include "proto/preamble.h"

#define SILENCE_MS 500 /* then the fallback is asked what to do about it (protocol notes 1.3) */

static void release(struct deferred *d)
{
	free(container_of(d, struct conn, dead));
}

struct conn *conn_oldest(struct worker *w)
{
	return list_empty(&w->handshakes)
		       ? NULL
		       : container_of(w->handshakes.next, struct conn, in_worker);
}

void conn_note_oldest(struct worker *w)
{
	struct conn *c = conn_oldest(w);

	atomic_store(&w->oldest_ms, c ? c->since_ms : UINT64_MAX);
}

void conn_done(struct conn *c)
{
	struct loop *l = c->s->in.w->loop;

	c->closed = true;
	loop_forget(l, &c->watch);
	loop_disarm(l, &c->timer);
	list_remove(&c->in_worker);
	conn_note_oldest(c->s->in.w);
	limit_give(&c->s->in.w->program->n_handshakes);
	fd_close(c->fd);
	c->fd = -1;
	handshake_free(c->handshake);
	c->handshake = NULL;
	wire_free(c->wire);
	c->wire = NULL;
	loop_defer(l, &c->dead, release);
}

void conn_close(struct conn *c)
{
	if (c->closed)
		return;
	fallback_cancel(c->silent);
	c->silent = NULL;
	limit_give(&c->s->in.w->program->n_sessions);
	conn_done(c);
}

static void log_failure(struct conn *c, const char *what)
{
	char from[SOCKADDR_TEXT_MAX];
	uint32_t failures = source_limit_failed(c->s->in.shared->sources, &c->peer);

	count(&c->s->in.w->counters.auth_failed, 1);
	if (failures <= 10 || failures % 100 == 0)
		log_warn(c->tag, "authentication failed from %s on %s: %s (%u within a minute)",
			 sockaddr_text(&c->peer, from), c->s->in.config->tag, what, failures);
}

static const struct config_target *target_of_alpn(const struct config_inbound *in, const char *alpn)
{
	for (size_t i = 0; i < in->n_fallback_for_alpn; i++)
		if (strcmp(in->fallback_for_alpn[i].alpn, alpn) == 0)
			return &in->fallback_for_alpn[i].target;
	return NULL;
}

/* Who offers http/1.1 takes the older ones along (wire/tls_face.h): they go where it goes. */
static const struct config_target *fallback_target(const struct conn *c)
{
	const struct config_inbound *in = c->s->in.config;
	const struct config_target *to = target_of_alpn(in, c->alpn);

	if (!to && (strcmp(c->alpn, "http/1.0") == 0 || strcmp(c->alpn, "http/0.9") == 0))
		to = target_of_alpn(in, "http/1.1");
	if (!to && in->fallback.host)
		to = &in->fallback;
	return to;
}

uint64_t conn_patience_ms(const struct conn *c)
{
	const struct inbound *in = &c->s->in;
	uint64_t end = c->since_ms + config_handshake_ms(in->shared->limits, in->config);
	uint64_t now = loop_now_ms(in->w->loop);

	return end > now ? end - now : 1;
}

/* Not AnyTLS: somebody else gets what came and all that follows, or the connection is closed. */
static void reject(struct conn *c, const char *what, const uint8_t *p, size_t n)
{
	const struct config_target *to = fallback_target(c);
	struct wire *wire = c->wire;

	log_failure(c, what);
	c->wire = NULL;
	if (to) {
		count(&c->s->in.w->counters.fallbacks, 1);
		loop_forget(c->s->in.w->loop, &c->watch);
		fallback_start(c->s->in.w, wire, to, p, n, conn_patience_ms(c), c->tag);
		conn_done(c); /* the fallback has the place of n_sessions now */
	} else {
		loop_forget(c->s->in.w->loop, &c->watch);
		wire_farewell(c->s->in.w, wire);
		conn_close(c);
	}
}

/* Compares with every user, without an early exit. */
static const struct config_user *find_user(const struct config_inbound *in, const uint8_t *hash)
{
	const struct config_user *found = NULL;

	for (size_t i = 0; i < in->n_users; i++)
		if (secret_equal(in->users[i].hash, hash, PREAMBLE_HASH_LEN))
			found = &in->users[i];
	return found;
}

static void start_session(struct conn *c, const uint8_t *rest, size_t n)
{
	struct wire *wire = c->wire;

	c->wire = NULL;
	loop_forget(c->s->in.w->loop, &c->watch);
	server_session_start(c->s, c->user, wire, &c->peer, c->tag, rest, n);
	conn_done(c);
}

/* Bytes of the preamble; the first ones decide. */
static void preamble(struct conn *c, const uint8_t *p, size_t n)
{
	size_t take;

	if (!c->user) {
		if (n >= PREAMBLE_HASH_LEN)
			c->user = find_user(c->s->in.config, p);
		if (!c->user) {
			reject(c, n < PREAMBLE_HASH_LEN ? "not AnyTLS" : "unknown password", p, n);
			return;
		}
	}
	take = PREAMBLE_HDR_LEN - c->head_have < n ? PREAMBLE_HDR_LEN - c->head_have : n;
	memcpy(c->head + c->head_have, p, take);
	if (take > 0 && c->head_have + take == PREAMBLE_HDR_LEN)
		c->skip = (uint32_t)preamble_padding(c->head, PREAMBLE_HDR_LEN);
	c->head_have += (uint32_t)take;
	p += take;
	n -= take;
	take = c->skip < n ? c->skip : n;
	c->skip -= (uint32_t)take;
	if (c->head_have == PREAMBLE_HDR_LEN && c->skip == 0)
		start_session(c, p + take, n - take);
}

static void wire_ready(struct watcher *w, uint32_t events)
{
	struct conn *c = container_of(w, struct conn, watch);

	(void)events;
	while (!c->closed && c->wire) {
		ssize_t n = wire_read(c->wire, c->s->in.w->rx);

		if (n == -EAGAIN)
			return;
		if (n == 0) {
			wire_drop_read_ahead(&c->s->in.w->wires, wire_fd(c->wire));
			conn_close(c);
			return;
		}
		preamble(c, c->s->in.w->rx, (size_t)n);
	}
}

static void auth_late(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);
	struct wire *wire = c->wire;

	log_failure(c, "no preamble in time");
	c->wire = NULL;
	loop_forget(c->s->in.w->loop, &c->watch);
	wire_farewell(c->s->in.w, wire);
	conn_close(c);
}

/* The silent client spoke: a right preamble takes the wire back from the fallback. */
static struct wire *silence_broken(void *owner, struct wire *wire, const uint8_t *p, size_t n)
{
	struct conn *c = owner;

	c->silent = NULL;
	if (n < PREAMBLE_HASH_LEN || !find_user(c->s->in.config, p)) {
		log_failure(c, n < PREAMBLE_HASH_LEN ? "not AnyTLS" : "unknown password");
		conn_done(c);
		return wire;
	}
	c->wire = wire;
	c->watch = (struct watcher){ .fd = wire_fd(wire), .ready = wire_ready };
	if (loop_watch(c->s->in.w->loop, &c->watch, EPOLLIN | EPOLLRDHUP) < 0) {
		conn_close(c);
		return NULL;
	}
	loop_arm(c->s->in.w->loop, &c->timer, c->s->in.shared->limits->auth_timeout_ms, auth_late);
	preamble(c, p, n);
	return NULL;
}

/* The fallback closed a connection that never said a word. */
static void silence_over(void *owner)
{
	struct conn *c = owner;

	c->silent = NULL;
	conn_done(c);
}

static void silence(struct timer *t)
{
	static const struct fallback_guard guard = { silence_broken, silence_over };
	struct conn *c = container_of(t, struct conn, timer);
	struct wire *wire = c->wire;

	if (c->user) { /* half a preamble is no silence */
		loop_arm(c->s->in.w->loop, &c->timer, c->s->in.shared->limits->auth_timeout_ms,
			 auth_late);
		return;
	}
	c->wire = NULL;
	loop_forget(c->s->in.w->loop, &c->watch);
	c->silent = fallback_ask(c->s->in.w, wire, fallback_target(c), &guard, c,
				 conn_patience_ms(c), c->tag);
	if (!c->silent)
		conn_done(c);
}

void conn_expect_preamble(struct conn *c)
{
	struct loop *l = c->s->in.w->loop;
	uint32_t auth_ms = c->s->in.shared->limits->auth_timeout_ms;

	c->watch = (struct watcher){ .fd = wire_fd(c->wire), .ready = wire_ready };
	if (loop_watch(l, &c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0) {
		conn_close(c);
		return;
	}
	if (fallback_target(c))
		loop_arm(l, &c->timer, SILENCE_MS, silence);
	else
		loop_arm(l, &c->timer, auth_ms, auth_late);
}
