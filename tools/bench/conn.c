// SPDX-License-Identifier: GPL-2.0-or-later
// Client connections of the load generator, with as much SOCKS5 as a CONNECT needs.
#include "bench/conn.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/sock.h"

static void send_all(const struct conn *c, const void *buf, size_t len)
{
	if (send(c->fd, buf, len, MSG_NOSIGNAL) != (ssize_t)len)
		err(1, "send to the proxy");
}

static int connect_to(const struct route *r, unsigned int nth)
{
	if (!r->port)
		return place_connect(&r->target, SOCK_STREAM, r->target_port, nth);
	if (r->proxy.family)
		return place_connect(&r->proxy, SOCK_STREAM, r->port, nth);
	return sock_connect(r->port, nth);
}

void conn_open(struct conn *c, const struct route *r, int epoll, unsigned int nth)
{
	static const uint8_t hello[] = { 5, 1, 0 };

	*c = (struct conn){ .started_ns = sock_now_ns(), .nth = nth };
	c->fd = connect_to(r, nth);
	sock_watch(epoll, c->fd, EPOLLIN, c);
	c->state = r->socks ? CONN_METHOD : CONN_READY;
	if (r->socks)
		send_all(c, hello, sizeof(hello));
}

/* Collects the reply up to `want` bytes and not one more: what follows is payload. */
static bool collect(struct conn *c, size_t want)
{
	ssize_t n;

	if (c->have >= want)
		return true;
	n = recv(c->fd, c->reply + c->have, want - c->have, 0);
	if (!n)
		errx(1, "the proxy closed during the SOCKS dialogue");
	if (n < 0 && errno != EAGAIN)
		err(1, "SOCKS dialogue");
	if (n > 0)
		c->have += (size_t)n;
	return c->have == want;
}

static bool collect_reply(struct conn *c)
{
	size_t want = 5;

	if (!collect(c, want))
		return false;
	if (c->reply[1])
		errx(1, "the proxy refused a stream: SOCKS reply %u", c->reply[1]);
	if (c->reply[3] == 1)
		want = 10;
	else if (c->reply[3] == 4)
		want = 22;
	else
		want = 7u + c->reply[4];
	return collect(c, want);
}

static void send_connect(const struct conn *c, const struct route *r)
{
	static const struct place loopback = { .family = AF_INET, .ip = { 127, 0, 0, 1 } };
	const struct place *to = r->target.family ? &r->target : &loopback;
	uint8_t msg[4 + 16 + 2] = { 5, 1, 0, to->family == AF_INET ? 1 : 4 };
	unsigned int len = 4 + place_length(to);

	place_ip(to, c->nth, msg + 4);
	msg[len] = (uint8_t)(r->target_port >> 8);
	msg[len + 1] = (uint8_t)r->target_port;
	send_all(c, msg, len + 2);
}

bool conn_ready(struct conn *c, const struct route *r)
{
	if (c->state == CONN_METHOD && collect(c, 2)) {
		if (c->reply[1])
			errx(1, "the proxy wants SOCKS authentication");
		c->have = 0;
		c->state = CONN_REPLY;
		send_connect(c, r);
	}
	if (c->state == CONN_REPLY && collect_reply(c))
		c->state = CONN_READY;
	return c->state == CONN_READY;
}

ssize_t conn_recv(struct conn *c, void *buf)
{
	ssize_t n = recv(c->fd, buf, SOCK_CHUNK, 0);

	if (n < 0 && errno != EAGAIN)
		err(1, "stream failed after %llu bytes", (unsigned long long)c->in);
	if (n > 0)
		c->in += (uint64_t)n;
	return n < 0 ? -EAGAIN : n;
}

ssize_t conn_send(struct conn *c, const void *buf, size_t len)
{
	ssize_t n = send(c->fd, buf, len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		err(1, "stream failed after %llu bytes", (unsigned long long)c->out);
	if (n > 0)
		c->out += (uint64_t)n;
	return n < 0 ? -EAGAIN : n;
}

void conn_close(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
