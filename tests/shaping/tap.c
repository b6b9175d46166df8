// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tap LISTEN-PORT SERVER-PORT: a relay on loopback that writes down what clients put on the wire.
 *
 * A line on stdout for each connection that has ended, of the client's direction alone:
 *
 *	SEGMENTS TORN TYPE:LENGTH TYPE:LENGTH...
 *
 * the TCP segments with data that came, how many reads ended inside a TLS record, and the header of
 * each record. Ends when stdin does.
 */
#include <err.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/sock.h"

#define RECORDS_MAX 4096
#define HEADER_LEN  5

/* One end of a connection. What its socket does not take waits in `out`. */
struct half {
	struct conn *c;
	struct half *other;
	int fd;
	uint8_t *out;
	size_t out_len, out_at;
	bool ended; /* nothing more is read from it */
	bool shut;  /* it was told that nothing more comes */
};

struct conn {
	struct half client, server;
	uint8_t header[HEADER_LEN]; /* of the record that comes now */
	size_t header_len, body_left;
	struct {
		uint8_t type;
		uint16_t len;
	} records[RECORDS_MAX];
	unsigned int n_records, torn;
	struct conn *next_dead;
};

static uint8_t chunk[SOCK_CHUNK];
static struct conn *dead; /* freed after the batch of events */
static uint16_t server_port;

static void record_begins(struct conn *c)
{
	if (c->n_records == RECORDS_MAX)
		errx(1, "more than %d records in one connection", RECORDS_MAX);
	c->body_left = (size_t)c->header[3] << 8 | c->header[4];
	c->records[c->n_records].type = c->header[0];
	c->records[c->n_records++].len = (uint16_t)c->body_left;
	c->header_len = 0;
}

static void observe(struct conn *c, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t take = c->body_left ? c->body_left : HEADER_LEN - c->header_len;

		if (take > n)
			take = n;
		if (c->body_left) {
			c->body_left -= take;
		} else {
			memcpy(c->header + c->header_len, p, take);
			c->header_len += take;
			if (c->header_len == HEADER_LEN)
				record_begins(c);
		}
		p += take;
		n -= take;
	}
	c->torn += c->body_left || c->header_len;
}

static void print(struct conn *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(c->client.fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
	    len < offsetof(struct tcp_info, tcpi_data_segs_in) + sizeof(info.tcpi_data_segs_in))
		errx(1, "this kernel does not count segments");
	printf("%u %u", info.tcpi_data_segs_in, c->torn);
	for (unsigned int i = 0; i < c->n_records; i++)
		printf(" %u:%u", c->records[i].type, c->records[i].len);
	putchar('\n');
	fflush(stdout);
}

static void finish(struct conn *c)
{
	print(c);
	close(c->client.fd);
	close(c->server.fd);
	c->client.fd = c->server.fd = -1;
	c->next_dead = dead;
	dead = c;
}

static void reap(void)
{
	while (dead) {
		struct conn *c = dead;

		dead = c->next_dead;
		free(c->client.out);
		free(c->server.out);
		free(c);
	}
}

/* Sends what waits for the half's socket; what cannot be sent any more is dropped. */
static void flush(struct half *h)
{
	while (h->out_at < h->out_len) {
		ssize_t n = send(h->fd, h->out + h->out_at, h->out_len - h->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			h->ended = h->other->ended = true;
			break;
		}
		h->out_at += (size_t)n;
	}
	h->out_at = h->out_len = 0;
	if (h->other->ended && !h->shut) {
		shutdown(h->fd, SHUT_WR);
		h->shut = true;
	}
}

/* Only asked for while nothing waits for the other half. */
static void receive(struct half *h)
{
	ssize_t n = recv(h->fd, chunk, sizeof(chunk), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		h->ended = true;
	if (n < 0)
		h->other->ended = true;
	if (n > 0 && h == &h->c->client)
		observe(h->c, chunk, (size_t)n);
	if (n > 0) {
		memcpy(h->other->out, chunk, (size_t)n);
		h->other->out_len = (size_t)n;
	}
	flush(h->other);
}

static void rewatch(int epoll, struct half *h)
{
	uint32_t events = h->out_len ? EPOLLOUT : 0;

	if (!h->ended && !h->other->out_len)
		events |= EPOLLIN;
	sock_rewatch(epoll, h->fd, events, h);
}

static void half_ready(int epoll, struct half *h, uint32_t events)
{
	struct conn *c = h->c;

	if (h->fd < 0)
		return;
	if (events & EPOLLOUT)
		flush(h);
	if ((events & ~EPOLLOUT) && !h->ended && !h->other->out_len)
		receive(h);
	if (events & (EPOLLHUP | EPOLLERR) && h->ended) /* it takes nothing any more either */
		h->other->ended = true;
	if (c->client.ended && c->server.ended && !c->client.out_len && !c->server.out_len) {
		finish(c);
		return;
	}
	rewatch(epoll, &c->client);
	rewatch(epoll, &c->server);
}

static void half_init(struct half *h, struct conn *c, struct half *other, int fd)
{
	*h = (struct half){ .c = c, .other = other, .fd = fd, .out = malloc(SOCK_CHUNK) };
	if (!h->out)
		err(1, "memory");
}

static void accept_all(int epoll, int listener)
{
	static unsigned int nth;
	int fd;

	while ((fd = sock_accept(listener)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));

		if (!c)
			err(1, "memory");
		half_init(&c->client, c, &c->server, fd);
		half_init(&c->server, c, &c->client, sock_connect(server_port, nth++));
		sock_watch(epoll, c->client.fd, EPOLLIN, &c->client);
		sock_watch(epoll, c->server.fd, EPOLLIN, &c->server);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener;

	if (argc != 3)
		errx(2, "usage: tap LISTEN-PORT SERVER-PORT");
	sock_raise_limit();
	server_port = sock_parse_port(argv[2]);
	listener = sock_listen(sock_parse_port(argv[1]));
	sock_watch(epoll, listener, EPOLLIN, &listener);
	sock_watch(epoll, STDIN_FILENO, EPOLLIN, NULL);
	for (;;) {
		int n = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return 0;
			if (events[i].data.ptr == &listener)
				accept_all(epoll, listener);
			else
				half_ready(epoll, events[i].data.ptr, events[i].events);
		}
		reap();
	}
}
