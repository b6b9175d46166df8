// SPDX-License-Identifier: GPL-2.0-or-later
// The dialogue with a local client, byte by byte if need be (RFC 1928, RFC 1929).
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/socks.h"
#include "base/secret.h"

static void send_all(struct socks_conn *c, const uint8_t *p, size_t n)
{
	/* some bytes into an empty socket buffer: if they do not fit, nobody is there */
	if (send(c->l.watch.fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		loop_arm(c->s->in.w->loop, &c->l.timer, 1, c->l.timer.expired);
}

static void reply(struct socks_conn *c, enum socks5_reply code, const struct addr *bound)
{
	static const struct addr none = { .type = ADDR_IPV4 };
	uint8_t out[3 + ADDR_WIRE_MAX];

	send_all(c, out, socks5_reply_put(out, code, bound ? bound : &none));
}

/* Refuses in good order: what the client still sent is read, so that the reply is not overtaken by
 * an RST. */
static void refuse(struct socks_conn *c, enum socks5_reply code)
{
	reply(c, code, NULL);
	for (int i = 0; i < 64 && recv(c->l.watch.fd, c->buf, sizeof(c->buf), 0) > 0; i++)
		;
	socks_conn_done(c);
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
	struct socks_conn *c = container_of(f, struct socks_conn, l.flow);
	struct buf early = { 0 };

	c->l.flow_open = false;
	reply(c, SOCKS5_OK, NULL);
	if (buf_append(&early, &f->w->pool, c->buf, c->have) == 0)
		local_conn_join(&c->l, far, &early);
	else
		far->ops->abort(far);
	socks_conn_done(c);
}

static void failed(struct flow *f, int err, const char *why)
{
	struct socks_conn *c = container_of(f, struct socks_conn, l.flow);
	char text[ADDR_TEXT_MAX];

	c->l.flow_open = false;
	log_info(c->l.tag, "%s: %s", addr_text(&f->dst, text), why);
	refuse(c, reply_for(err));
}

/* The association was silent for too long, or its way out broke: the client shall make a new one.
 */
static void udp_over(void *owner)
{
	socks_conn_done(owner);
}

static void associate(struct socks_conn *c)
{
	struct addr bound;

	c->udp = socks_udp_new(c->s, c->l.watch.fd, c->user, c->l.tag, udp_over, c);
	if (!c->udp) {
		refuse(c, SOCKS5_FAILURE);
		return;
	}
	c->phase = SOCKS_ASSOCIATED;
	c->have = 0;
	socks_udp_bound(c->udp, &bound);
	reply(c, SOCKS5_OK, &bound);
}

static void connect_to(struct socks_conn *c, const struct addr *dst)
{
	static const struct flow_ops ops = { .opened = opened, .failed = failed };

	c->phase = SOCKS_CONNECTING;
	c->l.flow.ops = &ops;
	c->l.flow.user = c->user;
	c->l.flow.dst = *dst;
	local_conn_connect(&c->l);
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
	c->phase = users ? SOCKS_USERPASS : SOCKS_REQUEST;
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
		log_warn(c->l.tag, "socks authentication failed on %s", in->tag);
		return -EPROTO;
	}
	c->user = found->name;
	c->phase = SOCKS_REQUEST;
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
	loop_disarm(c->s->in.w->loop, &c->l.timer);
	if (r.cmd == SOCKS5_CONNECT)
		connect_to(c, &r.dst);
	else if (r.cmd == SOCKS5_UDP_ASSOCIATE)
		associate(c);
	else
		refuse(c, SOCKS5_BAD_COMMAND);
	return 0;
}

void socks_dialogue(struct socks_conn *c)
{
	ssize_t used = 1;

	while (used > 0 && c->have > 0 && !c->l.closed && c->phase < SOCKS_CONNECTING) {
		used = c->phase == SOCKS_GREETING   ? on_greeting(c)
		       : c->phase == SOCKS_USERPASS ? on_userpass(c)
						    : on_request(c);
		if (used < 0) {
			socks_conn_done(c);
			return;
		}
		c->have = (uint16_t)(c->have - used);
		memmove(c->buf, c->buf + used, c->have);
	}
}
