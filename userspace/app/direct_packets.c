// SPDX-License-Identifier: GPL-2.0-or-later
// UDP of the direct outbound: one socket an association (full cone), or one connected to its only
// peer.
#include "app/direct.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/addr_forms.h"
#include "base/fd.h"

#define READS_A_TURN 32
#define DATAGRAM_MAX 65535
#define WAITING_MAX  16 /* datagrams that wait for a name; more are dropped */

/* A datagram whose destination is being looked up. */
struct waiting {
	struct resolve query;
	struct udp *owner;
	struct list link;
	struct deferred dead;
	size_t n;
	uint8_t data[];
};

struct udp {
	struct packets p;
	struct worker *w;
	const struct config_dial *dial;
	struct watcher watch;
	struct timer idle; /* looks from time to time whether it has been silent for long */
	uint64_t used_ms;
	struct deferred dead;
	struct owned owned;
	struct list waiting;
	unsigned n_waiting;
	uint32_t timeout_ms;
	bool one_peer; /* connect mode: connected to the first destination */
	bool connected;
	bool v6; /* the socket's family */
	bool closed;
};

static void udp_release(struct deferred *d)
{
	free(container_of(d, struct udp, dead));
}

static void waiting_release(struct deferred *d)
{
	free(container_of(d, struct waiting, dead));
}

static void waiting_drop(struct udp *u, struct waiting *q)
{
	resolve_cancel(&q->query);
	list_remove(&q->link);
	u->n_waiting--;
	loop_defer(u->w->loop, &q->dead, waiting_release);
}

static void udp_close(struct packets *p)
{
	struct udp *u = container_of(p, struct udp, p);

	if (u->closed)
		return;
	u->closed = true;
	worker_disown(&u->owned);
	list_for_each_safe(it, &u->waiting) waiting_drop(u, container_of(it, struct waiting, link));
	loop_forget(u->w->loop, &u->watch);
	loop_disarm(u->w->loop, &u->idle);
	fd_close(u->watch.fd);
	loop_defer(u->w->loop, &u->dead, udp_release);
}

static void idle_over(struct timer *t)
{
	struct udp *u = container_of(t, struct udp, idle);
	uint64_t silent_ms = loop_now_ms(u->w->loop) - u->used_ms;

	if (silent_ms < u->timeout_ms) {
		loop_arm(u->w->loop, t, u->timeout_ms - silent_ms, idle_over);
		return;
	}
	packets_close_peer(&u->p);
	udp_close(&u->p);
}

static void end_owned(struct owned *o)
{
	struct udp *u = container_of(o, struct udp, owned);

	packets_close_peer(&u->p);
	udp_close(&u->p);
}

static void touch(struct udp *u)
{
	u->used_ms = loop_now_ms(u->w->loop);
}

static void drop(struct udp *u)
{
	count(&u->w->counters.udp_dropped, 1);
}

static void ready(struct watcher *w, uint32_t events)
{
	struct udp *u = container_of(w, struct udp, watch);

	(void)events;
	for (int i = 0; i < READS_A_TURN && !u->closed; i++) {
		union sockaddr_any from;
		socklen_t len = sizeof(from);
		struct addr src;
		ssize_t n = recvfrom(w->fd, u->w->rx, DATAGRAM_MAX, 0, &from.sa, &len);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0) /* an ICMP error of an earlier datagram */
			continue;
		sockaddr_unmap(&from);
		addr_from_sockaddr(&from, &src);
		touch(u);
		if (u->p.peer)
			u->p.peer->ops->send(u->p.peer, &src, u->w->rx, (size_t)n);
	}
}

/* An IPv4 destination as the IPv6 socket wants it. */
static void map_v4(union sockaddr_any *sa)
{
	uint8_t ip[16] = { [10] = 0xff, [11] = 0xff };
	uint16_t port = sockaddr_port(sa);

	memcpy(ip + 12, &sa->in.sin_addr, 4);
	sockaddr_set(sa, ip, 16, port);
}

static ssize_t send_datagram(struct udp *u, const union sockaddr_any *to, const uint8_t *data,
			     size_t n)
{
	if (u->connected)
		return send(u->watch.fd, data, n, 0);
	return sendto(u->watch.fd, data, n, 0, &to->sa, sockaddr_len(to));
}

static void send_to(struct udp *u, const union sockaddr_any *to, const uint8_t *data, size_t n)
{
	union sockaddr_any sa = *to;
	ssize_t sent;

	if (u->v6 && sa.sa.sa_family == AF_INET)
		map_v4(&sa);
	if (u->one_peer && !u->connected)
		u->connected = connect(u->watch.fd, &sa.sa, sockaddr_len(&sa)) == 0;
	sent = send_datagram(u, &sa, data, n);
	if (sent < 0 && errno == ECONNREFUSED) /* the answer to an earlier one */
		sent = send_datagram(u, &sa, data, n);
	if (sent < 0)
		drop(u);
	else
		count(&u->w->counters.udp_sent, 1);
}

static void answered(struct resolve *q, int err, const union sockaddr_any *addrs, unsigned n)
{
	struct waiting *wt = container_of(q, struct waiting, query);
	struct udp *u = wt->owner;
	unsigned i = 0;

	while (i < n && !u->v6 && addrs[i].sa.sa_family != AF_INET)
		i++;
	if (err || i == n)
		drop(u);
	else
		send_to(u, &addrs[i], wt->data, wt->n);
	waiting_drop(u, wt);
}

static void look_up(struct udp *u, const struct addr *a, const uint8_t *data, size_t n)
{
	struct waiting *wt = u->n_waiting < WAITING_MAX ? malloc(sizeof(*wt) + n) : NULL;

	if (!wt) {
		drop(u);
		return;
	}
	*wt = (struct waiting){ .owner = u, .n = n, .query.answered = answered };
	memcpy(wt->data, data, n);
	list_push_back(&u->waiting, &wt->link);
	u->n_waiting++;
	resolve_start(u->w->resolver, &wt->query, a->name, a->port);
}

static void udp_send(struct packets *p, const struct addr *a, const uint8_t *data, size_t n)
{
	struct udp *u = container_of(p, struct udp, p);
	union sockaddr_any sa = { 0 };

	if (u->closed)
		return;
	touch(u);
	if (a->type == ADDR_NAME && !u->connected) {
		look_up(u, a, data, n);
		return;
	}
	if (!u->connected)
		sockaddr_set(&sa, a->ip6, a->type == ADDR_IPV4 ? 4 : 16, a->port);
	send_to(u, &sa, data, n);
}

static const struct packets_ops udp_ops = { .send = udp_send, .close = udp_close };

/* Both families on one socket where the machine has IPv6. */
static int open_socket(struct udp *u)
{
	int off = 0, fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	u->v6 = fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0;
	if (!u->v6) {
		fd_close(fd);
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return -errno;
	if (u->dial->routing_mark)
		setsockopt(fd, SOL_SOCKET, SO_MARK, &u->dial->routing_mark, sizeof(uint32_t));
	if (u->dial->bind_interface)
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, u->dial->bind_interface,
			   (socklen_t)strlen(u->dial->bind_interface) + 1);
	return fd;
}

struct packets *direct_packets(struct outbound *o, const struct flow *f, bool connected,
			       uint32_t timeout_ms)
{
	struct udp *u;

	(void)f;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->p.ops = &udp_ops;
	u->w = o->w;
	u->dial = &o->config->dial;
	u->timeout_ms = timeout_ms;
	u->one_peer = connected;
	list_init(&u->waiting);
	u->watch = (struct watcher){ .fd = open_socket(u), .ready = ready };
	if (u->watch.fd < 0 || loop_watch_level(u->w->loop, &u->watch, EPOLLIN) < 0)
		goto fail;
	worker_own(u->w, &u->owned, end_owned);
	touch(u);
	loop_arm(u->w->loop, &u->idle, timeout_ms, idle_over);
	return &u->p;
fail:
	fd_close(u->watch.fd);
	free(u);
	return NULL;
}
