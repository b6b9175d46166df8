// SPDX-License-Identifier: GPL-2.0-or-later
// The glue between a c-ares channel and the loop: one watcher a socket, one timer for all timeouts.
#include "io/dns_channel.h"

#include <stdlib.h>

#include "io/sockopt.h"

struct dns_channel {
	struct loop *loop;
	ares_channel ares;
	uint32_t timeout_ms, mark;
	struct timer retry;
	struct list sockets;
	struct deferred dead;
};

struct dns_socket {
	struct watcher w;
	struct dns_channel *channel;
	struct list link;
	bool reads, writes;
	struct deferred dead;
};

static void release_socket(struct deferred *d)
{
	free(container_of(d, struct dns_socket, dead));
}

static void release_channel(struct deferred *d)
{
	free(container_of(d, struct dns_channel, dead));
}

static void retry_due(struct timer *t)
{
	struct dns_channel *c = container_of(t, struct dns_channel, retry);
	struct timeval tv;

	ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (ares_timeout(c->ares, NULL, &tv)) {
		/* rounded up: a timer that fires early would only fire again */
		uint64_t ms = (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000 + 1;

		(void)loop_arm(c->loop, t, ms, retry_due);
	}
}

/*
 * A deadline that was just set is a whole timeout away or more, so the timer only has to fire by
 * then. Asking c-ares each time would cost a walk over all queries.
 */
void dns_channel_sent(struct dns_channel *c)
{
	if (!c->retry.slot || c->retry.at_ms > loop_now_ms(c->loop) + c->timeout_ms + 1)
		(void)loop_arm(c->loop, &c->retry, c->timeout_ms + 1, retry_due);
}

static void socket_ready(struct watcher *w, uint32_t events)
{
	struct dns_socket *s = container_of(w, struct dns_socket, w);
	struct dns_channel *c = s->channel;
	bool failed = events & (EPOLLERR | EPOLLHUP);

	ares_process_fd(c->ares, s->reads && (events & EPOLLIN || failed) ? w->fd : ARES_SOCKET_BAD,
			s->writes && (events & EPOLLOUT || failed) ? w->fd : ARES_SOCKET_BAD);
	dns_channel_sent(c); /* an error may have made it ask the next server */
}

static struct dns_socket *find_socket(struct dns_channel *c, ares_socket_t fd)
{
	list_for_each (it, &c->sockets) {
		struct dns_socket *s = container_of(it, struct dns_socket, link);

		if (s->w.fd == fd)
			return s;
	}
	return NULL;
}

static void socket_closing(struct dns_socket *s)
{
	list_remove(&s->link);
	loop_forget(s->channel->loop, &s->w);
	loop_defer(s->channel->loop, &s->dead, release_socket);
}

/* Without memory the socket goes unwatched, and its queries time out. */
static struct dns_socket *socket_opened(struct dns_channel *c, ares_socket_t fd)
{
	struct dns_socket *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->w.fd = fd;
	s->w.ready = socket_ready;
	s->channel = c;
	if (loop_watch_level(c->loop, &s->w, 0) < 0) {
		free(s);
		return NULL;
	}
	list_push_back(&c->sockets, &s->link);
	return s;
}

/* c-ares tells what it waits for; neither means that it is about to close the socket. */
static void socket_state(void *arg, ares_socket_t fd, int reads, int writes)
{
	struct dns_channel *c = arg;
	struct dns_socket *s = find_socket(c, fd);

	if (!reads && !writes) {
		if (s)
			socket_closing(s);
		return;
	}
	if (!s)
		s = socket_opened(c, fd);
	if (!s)
		return;
	s->reads = reads;
	s->writes = writes;
	loop_rewatch_level(c->loop, &s->w, (reads ? EPOLLIN : 0) | (writes ? EPOLLOUT : 0));
}

/* -1 gives the socket up. */
static int socket_made(ares_socket_t fd, int type, void *arg)
{
	struct dns_channel *c = arg;

	(void)type;
	return sockopt_int(fd, SOL_SOCKET, SO_MARK, (int)c->mark) < 0 ? -1 : 0;
}

static int open_ares(struct dns_channel *c, const char *servers)
{
	struct ares_options options = {
		.flags = ARES_FLAG_NOALIASES | ARES_FLAG_NOSEARCH, /* a peer's name is what it is */
		.timeout = (int)c->timeout_ms,
		.tries = 2,
		.lookups = (char[]){ "b" },
		.sock_state_cb = socket_state,
		.sock_state_cb_data = c,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
		   ARES_OPT_SOCK_STATE_CB;
	int status = ares_init_options(&c->ares, &options, mask);

	if (status == ARES_SUCCESS && c->mark)
		ares_set_socket_configure_callback(c->ares, socket_made, c);
	if (status == ARES_SUCCESS && servers) {
		status = ares_set_servers_ports_csv(c->ares, servers);
		if (status != ARES_SUCCESS)
			ares_destroy(c->ares);
	}
	return status;
}

struct dns_channel *dns_channel_new(struct loop *l, const char *servers, uint32_t timeout_ms,
				    uint32_t mark)
{
	struct dns_channel *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->loop = l;
	c->timeout_ms = timeout_ms;
	c->mark = mark;
	list_init(&c->sockets);
	if (open_ares(c, servers) != ARES_SUCCESS) {
		free(c);
		return NULL;
	}
	return c;
}

void dns_channel_free(struct dns_channel *c)
{
	if (!c)
		return;
	ares_destroy(c->ares);
	loop_disarm(c->loop, &c->retry);
	loop_defer(c->loop, &c->dead, release_channel);
}

ares_channel dns_channel_ares(struct dns_channel *c)
{
	return c->ares;
}
