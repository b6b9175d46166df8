// SPDX-License-Identifier: GPL-2.0-or-later
// The transparent inbound's connections, from capture until they are relayed.
#include "app/transparent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/addr_forms.h"
#include "app/local_conn.h"
#include "base/fd.h"
#include "io/original.h"
#include "io/sockopt.h"
#include "proto/sniff.h"

#define DNS_PORT 53

struct transparent_conn {
	struct local_conn l;
	struct transparent *t;
	bool sniffing;
	char name[SNIFF_NAME_MAX + 1];
};

static void release(struct deferred *d)
{
	free(container_of(d, struct transparent_conn, l.dead));
}

static void conn_end(struct transparent_conn *c)
{
	local_conn_end(&c->l, release);
}

/* A connection that is refused shall look refused: the kernel has accepted it already. */
static void conn_refuse(struct transparent_conn *c)
{
	sockopt_reset(c->l.watch.fd);
	conn_end(c);
}

static void opened(struct flow *f, struct endpoint *far)
{
	struct transparent_conn *c = container_of(f, struct transparent_conn, l.flow);
	struct buf none = { 0 }; /* what the client has sent is in the socket still */

	c->l.flow_open = false;
	if (local_conn_join(&c->l, far, &none))
		conn_end(c);
	else
		conn_refuse(c);
}

static void failed(struct flow *f, int err, const char *why)
{
	struct transparent_conn *c = container_of(f, struct transparent_conn, l.flow);
	char from[SOCKADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	(void)err;
	c->l.flow_open = false;
	log_info(f->tag, "%s to %s: %s", sockaddr_text(&f->src, from), addr_text(&f->dst, to), why);
	conn_refuse(c);
}

/* `named`: what was found in the first bytes is in c->name. */
static void conn_connect(struct transparent_conn *c, bool named)
{
	struct flow *f = &c->l.flow;
	char from[SOCKADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	c->sniffing = false;
	loop_disarm(f->w->loop, &c->l.timer);
	f->domain = named ? c->name : NULL;
	log_debug(f->tag, "%s to %s%s%s", sockaddr_text(&f->src, from), addr_text(&f->dst, to),
		  named ? ", named " : "", named ? c->name : "");
	local_conn_connect(&c->l);
}

/* `ended`: the client sends no more, and there is nothing to wait for. */
static void sniff(struct transparent_conn *c, bool ended)
{
	uint8_t *rx = c->t->in.w->rx;
	enum sniff found = SNIFF_NONE;
	ssize_t n;

	do {
		n = recv(c->l.watch.fd, rx, SNIFF_MAX, MSG_PEEK);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno != EAGAIN)
			conn_end(c);
		return;
	}
	if (n > 0)
		found = sniff_name(rx, (size_t)n, c->name);
	if (found != SNIFF_MORE || ended)
		conn_connect(c, found == SNIFF_FOUND);
}

static void ready(struct watcher *w, uint32_t events)
{
	struct transparent_conn *c = container_of(w, struct transparent_conn, l.watch);

	if (events & (EPOLLHUP | EPOLLERR))
		conn_end(c);
	else if (c->sniffing)
		sniff(c, events & EPOLLRDHUP);
}

/* Perhaps the server speaks first. */
static void enough_sniffed(struct timer *t)
{
	conn_connect(container_of(t, struct transparent_conn, l.timer), false);
}

/* Where it was meant to go; NULL, or one line that says why it must not be carried on. */
static const char *find_destination(struct transparent_conn *c)
{
	const struct config_transparent *config = &c->t->in.config->transparent;
	bool translated = config->plan.steering == STEERING_REDIRECT;
	int fd = c->l.watch.fd;
	struct flow *f = &c->l.flow;
	union sockaddr_any to;
	const char *why = NULL;

	if (original_of_stream(fd, translated, &to) < 0) {
		if (original_of_stream(fd, false, &to) < 0)
			return "it is over already";
		addr_from_sockaddr(&to, &f->dst);
		return "conntrack knows no other destination: nothing has redirected it";
	}
	addr_from_sockaddr(&to, &f->dst);
	if (transparent_loops(c->t, &f->src, &f->dst, &why))
		return why;
	if (f->dst.port == DNS_PORT && config->hijack_dns.type != ADDR_NONE)
		f->dst = config->hijack_dns;
	return NULL;
}

static bool wants_domain(const struct transparent *t)
{
	return t->in.config->transparent.sniff && flow_wants_domain(t->in.w, t->in.index);
}

/* A hijacked question goes where it is told to, whatever it holds. */
static bool wants_sniffing(const struct transparent_conn *c)
{
	const struct config_transparent *config = &c->t->in.config->transparent;

	return config->sniff_timeout_ms > 0 && wants_domain(c->t) &&
	       !(config->hijack_dns.type != ADDR_NONE &&
		 addr_equal(&c->l.flow.dst, &config->hijack_dns));
}

static void refuse_loop(struct transparent_conn *c, const char *why)
{
	const struct flow *f = &c->l.flow;
	char from[SOCKADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	if (log_allowed(&c->t->refused, 1))
		log_warn(c->t->in.config->tag, "a connection from %s to %s is refused: %s",
			 sockaddr_text(&f->src, from), addr_text(&f->dst, to), why);
	conn_refuse(c);
}

static void begin(struct transparent *t, int fd, const union sockaddr_any *peer)
{
	static const struct flow_ops ops = { .opened = opened, .failed = failed };
	struct transparent_conn *c = calloc(1, sizeof(*c));
	uint32_t patience_ms = t->in.config->transparent.sniff_timeout_ms;
	const char *why;

	if (!c) {
		sockopt_reset(fd);
		local_drop(&t->in, fd);
		return;
	}
	c->t = t;
	c->l.sends_first = true;
	c->l.flow.ops = &ops;
	c->l.flow.user = "";
	local_conn_start(&c->l, &t->in, &t->conns, fd, peer);
	why = find_destination(c);
	if (why) {
		refuse_loop(c, why);
		return;
	}
	c->sniffing = wants_sniffing(c);
	if (!c->sniffing)
		conn_connect(c,
			     false); /* most are joined at once, and watched by the relay alone */
	if (c->l.closed)
		return;
	/* without sniffing only a client that is gone matters; that is always told */
	c->l.watch.ready = ready;
	if (local_conn_watch(&c->l, c->sniffing ? EPOLLIN | EPOLLRDHUP : 0) < 0 ||
	    (c->sniffing && loop_arm(t->in.w->loop, &c->l.timer, patience_ms, enough_sniffed) < 0))
		conn_refuse(c);
}

static void adopt(struct inbound *in, int fd)
{
	begin(container_of(in, struct transparent, in), fd, NULL);
}

static void accepted(struct listener_sink *sink, int fd, const union sockaddr_any *peer)
{
	struct transparent *t = container_of(sink, struct transparent, in.sink);

	if (!local_place(&t->in, &t->refused)) {
		sockopt_reset(fd);
		fd_close(fd);
	} else if (!local_handed_over(&t->in, fd)) {
		begin(t, fd, peer);
	}
}

/* Those that wait for a name go on: it takes no longer than sniff_timeout. */
static void drain(struct inbound *in)
{
	struct transparent *t = container_of(in, struct transparent, in);

	listener_free(in->listener);
	in->listener = NULL;
	if (t->udp)
		transparent_udp_drain(t->udp);
}

static void transparent_free(struct inbound *in)
{
	struct transparent *t = container_of(in, struct transparent, in);

	drain(in);
	while (!list_empty(&t->conns))
		conn_refuse(container_of(t->conns.next, struct transparent_conn, l.link));
	transparent_udp_free(t->udp);
	free(t);
}

static const struct inbound_ops transparent_ops = { .adopt = adopt,
						    .drain = drain,
						    .free = transparent_free };

struct inbound *transparent_new(struct worker *w, const struct config_inbound *c, int fd,
				int udp_fd, char *why, size_t why_len)
{
	struct transparent *t = calloc(1, sizeof(*t));

	snprintf(why, why_len, "out of memory");
	if (!t)
		goto fail;
	t->in = (struct inbound){
		.ops = &transparent_ops, .config = c, .w = w, .sink.accepted = accepted
	};
	list_init(&t->conns);
	if (udp_fd >= 0) {
		t->udp = transparent_udp_new(t, udp_fd);
		if (!t->udp)
			goto fail;
		udp_fd = -1;
	}
	if (fd >= 0) {
		if (!local_listen(&t->in, fd))
			goto fail;
	}
	return &t->in;
fail:
	if (t)
		transparent_udp_free(t->udp);
	free(t);
	fd_close(fd);
	fd_close(udp_fd);
	return NULL;
}
