// SPDX-License-Identifier: GPL-2.0-or-later
// The socks inbound: the dialogue with a local client, byte by byte if need be (RFC 1928, RFC 1929).
#include "app/socks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/secret.h"
#include "datapath/tcp.h"

#define DIALOGUE_MAX 1024 /* the longest message is 513 bytes; what is behind it may be payload */

enum phase { GREETING, USERPASS, REQUEST, CONNECTING, ASSOCIATED };

struct socks_conn {
	struct socks *s;
	struct list in_socks;
	struct watcher watch;
	struct timer timer;
	struct flow flow;
	struct deferred dead;
	struct socks_udp *udp;
	enum phase phase;
	bool closed, flow_open, place_moved;
	uint16_t have;
	uint8_t buf[DIALOGUE_MAX];
	char user[64], tag[16];
};

static void release(struct deferred *d)
{
	free(container_of(d, struct socks_conn, dead));
}

/* Ends the dialogue. The descriptor goes with it, unless it was taken. */
static void conn_done(struct socks_conn *c)
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

static void send_all(struct socks_conn *c, const uint8_t *p, size_t n)
{
	/* some bytes into an empty socket buffer: if they do not fit, nobody is there */
	if (send(c->watch.fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		loop_arm(c->s->in.w->loop, &c->timer, 1, c->timer.expired);
}

static void reply(struct socks_conn *c, enum socks5_reply code, const struct addr *bound)
{
	static const struct addr none = { .type = ADDR_IPV4 };
	uint8_t out[3 + ADDR_WIRE_MAX];

	send_all(c, out, socks5_reply_put(out, code, bound ? bound : &none));
}

/* Refuses in good order: what the client still sent is read, so that the reply is not overtaken by an RST. */
static void refuse(struct socks_conn *c, enum socks5_reply code)
{
	reply(c, code, NULL);
	while (recv(c->watch.fd, c->buf, sizeof(c->buf), 0) > 0)
		;
	conn_done(c);
}

static enum socks5_reply reply_for(int err)
{
	switch (err) {
	case -ECONNREFUSED:
		return SOCKS5_REFUSED;
	case -ENETUNREACH:
		return SOCKS5_NET_UNREACHABLE;
	case -EHOSTUNREACH:
	case -ENOENT:
		return SOCKS5_HOST_UNREACHABLE;
	case -ETIMEDOUT:
		return SOCKS5_TTL_EXPIRED;
	case -EACCES:
		return SOCKS5_NOT_ALLOWED;
	default:
		return SOCKS5_FAILURE;
	}
}

static void opened(struct flow *f, struct endpoint *far)
{
	struct socks_conn *c = container_of(f, struct socks_conn, flow);
	struct worker *w = c->s->in.w;
	struct buf early = { 0 };
	struct endpoint *local = NULL;

	c->flow_open = false;
	reply(c, SOCKS5_OK, NULL);
	loop_forget(w->loop, &c->watch);
	if (buf_append(&early, &w->pool, c->buf, c->have) == 0)
		local = tcp_endpoint_new(&w->relay, c->watch.fd, &early,
					 &w->program->n_local);
	if (!local) {
		buf_done(&early, &w->pool);
		far->ops->abort(far);
	} else {
		c->watch.fd = -1;
		c->place_moved = true;
		endpoint_join(far, local);
	}
	conn_done(c);
}

static void failed(struct flow *f, int err, const char *why)
{
	struct socks_conn *c = container_of(f, struct socks_conn, flow);
	char text[ADDR_TEXT_MAX];

	c->flow_open = false;
	log_info(c->tag, "%s: %s", addr_text(&f->dst, text), why);
	refuse(c, reply_for(err));
}

/* The association was silent for too long, or its way out broke: the client shall make a new one. */
static void udp_over(void *owner)
{
	conn_done(owner);
}

static void associate(struct socks_conn *c)
{
	struct addr bound;

	c->udp = socks_udp_new(c->s, c->watch.fd, c->user, c->tag, udp_over, c);
	if (!c->udp) {
		refuse(c, SOCKS5_FAILURE);
		return;
	}
	c->phase = ASSOCIATED;
	c->have = 0;
	socks_udp_bound(c->udp, &bound);
	reply(c, SOCKS5_OK, &bound);
}

static void connect_to(struct socks_conn *c, const struct addr *dst)
{
	static const struct flow_ops ops = { .opened = opened, .failed = failed };

	c->phase = CONNECTING;
	c->flow.w = c->s->in.w;
	c->flow.ops = &ops;
	c->flow.inbound = c->s->in.config->tag;
	c->flow.user = c->user;
	c->flow.tag = c->tag;
	c->flow.dst = *dst;
	c->flow_open = true;
	flow_connect(&c->flow);
}

static ssize_t on_greeting(struct socks_conn *c)
{
	struct socks5_greeting g;
	ssize_t used = socks5_greeting_parse(c->buf, c->have, &g);
	bool users = c->s->in.config->n_users > 0;

	if (used <= 0)
		return used;
	if (users ? !g.userpass : !g.no_auth) {
		send_all(c, (uint8_t[]){ 5, SOCKS5_NO_METHOD }, 2);
		return -EPROTO;
	}
	send_all(c, (uint8_t[]){ 5, users ? SOCKS5_USERPASS : SOCKS5_NO_AUTH }, 2);
	c->phase = users ? USERPASS : REQUEST;
	return used;
}

static bool same(const char *want, const uint8_t *got, size_t n)
{
	return strlen(want) == n && secret_equal(want, got, n);
}

static ssize_t on_userpass(struct socks_conn *c)
{
	const struct config_inbound *in = c->s->in.config;
	const struct config_user *found = NULL;
	struct socks5_userpass up;
	ssize_t used = socks5_userpass_parse(c->buf, c->have, &up);

	if (used <= 0)
		return used;
	for (size_t i = 0; i < in->n_users; i++)
		if (same(in->users[i].name, up.user, up.user_len) &&
		    same(in->users[i].password, up.pass, up.pass_len))
			found = &in->users[i];
	secret_wipe(c->buf, (size_t)used);
	send_all(c, (uint8_t[]){ 1, found ? 0 : 1 }, 2);
	if (!found) {
		log_warn(c->tag, "socks authentication failed on %s", in->tag);
		return -EPROTO;
	}
	snprintf(c->user, sizeof(c->user), "%s", found->name);
	c->phase = REQUEST;
	return used;
}

/* After this the connection may be over, or somebody else's. */
static ssize_t on_request(struct socks_conn *c)
{
	struct socks5_request r;
	ssize_t used = socks5_request_parse(c->buf, c->have, &r);

	if (used == 0 || used == -EPROTO)
		return used;
	if (used < 0) {
		refuse(c, SOCKS5_BAD_ADDRESS);
		return used;
	}
	c->have = (uint16_t)(c->have - used);
	memmove(c->buf, c->buf + used, c->have);
	loop_disarm(c->s->in.w->loop, &c->timer);
	if (r.cmd == SOCKS5_CONNECT)
		connect_to(c, &r.dst);
	else if (r.cmd == SOCKS5_UDP_ASSOCIATE)
		associate(c);
	else
		refuse(c, SOCKS5_BAD_COMMAND);
	return 0;
}

static void dialogue(struct socks_conn *c)
{
	ssize_t used = 1;

	while (used > 0 && c->have > 0 && !c->closed && c->phase < CONNECTING) {
		used = c->phase == GREETING ? on_greeting(c)
		       : c->phase == USERPASS ? on_userpass(c) : on_request(c);
		if (used < 0) {
			conn_done(c);
			return;
		}
		c->have = (uint16_t)(c->have - used);
		memmove(c->buf, c->buf + used, c->have);
	}
}

static void ready(struct watcher *w, uint32_t events)
{
	struct socks_conn *c = container_of(w, struct socks_conn, watch);

	(void)events;
	/* while connecting what comes stays in the socket; only a client that is gone matters */
	if (c->phase == CONNECTING) {
		if (events & (EPOLLHUP | EPOLLERR))
			conn_done(c);
		return;
	}
	while (!c->closed && c->phase != CONNECTING) {
		ssize_t n = recv(w->fd, c->buf + c->have, sizeof(c->buf) - c->have, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			conn_done(c);
			return;
		}
		c->have = (uint16_t)(c->have + n);
		if (c->phase == ASSOCIATED)
			c->have = 0;
		else
			dialogue(c);
	}
}

static void too_slow(struct timer *t)
{
	conn_done(container_of(t, struct socks_conn, timer));
}

static void begin(struct socks *s, int fd)
{
	struct worker *w = s->in.w;
	struct socks_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		fd_close(fd);
		limit_give(&w->program->n_local);
		return;
	}
	limit_take(&w->program->n_busy, UINT32_MAX);
	c->s = s;
	c->watch = (struct watcher){ .fd = fd, .ready = ready };
	snprintf(c->tag, sizeof(c->tag), "l%u", atomic_fetch_add(&w->program->next_tag, 1) + 1);
	list_push_back(&s->conns, &c->in_socks);
	if (loop_watch(w->loop, &c->watch, EPOLLIN | EPOLLRDHUP) < 0 ||
	    loop_arm(w->loop, &c->timer, w->config->limits.handshake_timeout_ms, too_slow) < 0)
		conn_done(c);
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
			log_warn(s->in.config->tag, "connections are refused: limits.local_connections is reached");
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
	list_for_each_safe(it, &s->conns) {
		struct socks_conn *c = container_of(it, struct socks_conn, in_socks);

		if (c->phase < CONNECTING)
			conn_done(c);
	}
}

static void socks_free(struct inbound *in)
{
	struct socks *s = container_of(in, struct socks, in);

	drain(in);
	while (!list_empty(&s->conns))
		conn_done(container_of(s->conns.next, struct socks_conn, in_socks));
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
	s->in = (struct inbound){ .ops = &socks_ops, .config = c, .w = w, .sink.accepted = accepted };
	list_init(&s->conns);
	s->in.listener = listener_start(w->loop, fd, &s->in.sink);
	if (s->in.listener)
		return &s->in;
	free(s);
	return NULL;
}
