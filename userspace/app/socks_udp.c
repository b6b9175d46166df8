// SPDX-License-Identifier: GPL-2.0-or-later
// The datagram side of SOCKS5 UDP ASSOCIATE: one socket for one client (RFC 1928 section 7).
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/addr_forms.h"
#include "app/socks.h"
#include "base/fd.h"

#define READS_A_TURN 32
#define DATAGRAM_MAX 65535

struct socks_udp {
	struct packets p;
	struct socks *s;
	struct watcher watch;
	struct flow flow; /* how to route it */
	struct deferred dead;
	union sockaddr_any client; /* who may send: an address at first, with its port after the
				      first datagram */
	union sockaddr_any bound;
	bool port_known;
	void (*over)(void *owner);
	void *owner;
};

static void release(struct deferred *d)
{
	free(container_of(d, struct socks_udp, dead));
}

void socks_udp_free(struct socks_udp *u)
{
	if (!u)
		return;
	packets_close_peer(&u->p);
	loop_forget(u->s->in.w->loop, &u->watch);
	fd_close(u->watch.fd);
	limit_give(&u->s->in.w->program->n_udp);
	loop_defer(u->s->in.w->loop, &u->dead, release);
}

/* Only the client behind the control connection, and only from the port that it used first. */
static bool from_client(struct socks_udp *u, const union sockaddr_any *from)
{
	union sockaddr_any sa = *from;
	size_t n, m;
	const uint8_t *a, *b;

	sockaddr_unmap(&sa);
	a = sockaddr_ip(&sa, &n);
	b = sockaddr_ip(&u->client, &m);
	if (n != m || memcmp(a, b, n) != 0)
		return false;
	if (!u->port_known) {
		u->client = sa;
		u->port_known = true;
	}
	return sockaddr_port(&sa) == sockaddr_port(&u->client);
}

static void drop(struct socks_udp *u)
{
	count(&u->s->in.w->counters.udp_dropped, 1);
}

static void received(struct socks_udp *u, const uint8_t *p, size_t n)
{
	struct socks5_udp d;

	if (socks5_udp_parse(p, n, &d) < 0) {
		drop(u);
		return;
	}
	if (!u->p.peer) { /* the first one */
		struct packets *far;

		u->flow.dst = d.dst;
		u->flow.src = u->client;
		far = flow_packets(&u->flow, false, u->s->in.config->udp_timeout_ms);
		if (!far) {
			drop(u);
			return;
		}
		packets_join(&u->p, far);
	} else if (!flow_permits(&u->flow, &d.dst)) {
		drop(u);
		return;
	}
	u->p.peer->ops->send(u->p.peer, &d.dst, d.data, d.len);
}

static void ready(struct watcher *w, uint32_t events)
{
	struct socks_udp *u = container_of(w, struct socks_udp, watch);
	uint8_t *buf = u->s->in.w->rx;

	(void)events;
	for (int i = 0; i < READS_A_TURN && w->ready; i++) {
		union sockaddr_any from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(w->fd, buf, DATAGRAM_MAX, 0, &from.sa, &len);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0)
			continue;
		if (from_client(u, &from))
			received(u, buf, (size_t)n);
		else
			drop(u);
	}
}

/* An answer, for the client. */
static void to_client(struct packets *p, const struct addr *a, const uint8_t *data, size_t n)
{
	struct socks_udp *u = container_of(p, struct socks_udp, p);
	uint8_t header[3 + ADDR_WIRE_MAX];
	struct iovec iov[2] = { { header, socks5_udp_put(header, a) }, { (void *)data, n } };
	struct msghdr msg = { .msg_name = &u->client,
			      .msg_namelen = sockaddr_len(&u->client),
			      .msg_iov = iov,
			      .msg_iovlen = 2 };

	if (!u->port_known || sendmsg(u->watch.fd, &msg, 0) < 0)
		drop(u);
}

static void far_closed(struct packets *p)
{
	struct socks_udp *u = container_of(p, struct socks_udp, p);

	u->over(u->owner);
}

static const struct packets_ops socks_udp_ops = { .send = to_client, .close = far_closed };

/* On the address by which the client reached us, any port. */
static int open_socket(struct socks_udp *u, int control_fd)
{
	socklen_t len = sizeof(u->bound), plen = sizeof(u->client);
	int fd;

	if (getsockname(control_fd, &u->bound.sa, &len) < 0 ||
	    getpeername(control_fd, &u->client.sa, &plen) < 0)
		return -1;
	sockaddr_unmap(&u->bound);
	sockaddr_unmap(&u->client);
	if (u->bound.sa.sa_family == AF_INET)
		u->bound.in.sin_port = 0;
	else
		u->bound.in6.sin6_port = 0;
	fd = socket(u->bound.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	len = sizeof(u->bound);
	if (fd >= 0 && bind(fd, &u->bound.sa, sockaddr_len(&u->bound)) == 0 &&
	    getsockname(fd, &u->bound.sa, &len) == 0)
		return fd;
	fd_close(fd);
	return -1;
}

void socks_udp_bound(const struct socks_udp *u, struct addr *ret)
{
	addr_from_sockaddr(&u->bound, ret);
}

struct socks_udp *socks_udp_new(struct socks *s, int control_fd, const char *user, const char *tag,
				void (*over)(void *owner), void *owner)
{
	struct worker *w = s->in.w;
	struct socks_udp *u;

	if (!limit_take(&w->program->n_udp, w->config->limits.udp_associations))
		return NULL;
	u = calloc(1, sizeof(*u));
	if (!u)
		goto fail;
	u->p.ops = &socks_udp_ops;
	u->s = s;
	u->over = over;
	u->owner = owner;
	u->watch = (struct watcher){ .fd = open_socket(u, control_fd), .ready = ready };
	u->flow = (struct flow){ .w = w,
				 .inbound = s->in.index,
				 .network = IPPROTO_UDP,
				 .user = user,
				 .tag = tag,
				 .src = u->client };
	if (u->watch.fd < 0 || loop_watch_level(w->loop, &u->watch, EPOLLIN) < 0)
		goto fail;
	return u;
fail:
	if (u)
		fd_close(u->watch.fd);
	free(u);
	limit_give(&w->program->n_udp);
	return NULL;
}
