// SPDX-License-Identifier: GPL-2.0-or-later
// Bulk load: a number of bytes over some streams in one direction, every one of them counted.
#include "bench/load.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "bench/sock.h"

struct bulk {
	const struct load_options *o;
	uint64_t each; /* bytes of one stream */
	unsigned int left;
	int epoll;
};

static unsigned char chunk[SOCK_CHUNK];

static bool is_done(const struct bulk *b, const struct conn *c)
{
	return b->o->upload ? c->in == 1 : c->in == b->each;
}

static void on_readable(struct bulk *b, struct conn *c)
{
	ssize_t n = conn_recv(c, chunk);

	if (!n)
		errx(1, "a stream ended after %llu bytes of %llu",
		     (unsigned long long)(b->o->upload ? c->out : c->in),
		     (unsigned long long)b->each);
	if (b->o->upload ? (n > 0 && (c->in > 1 || c->out < b->each)) : c->in > b->each)
		errx(1, "a stream carried more than was sent");
	if (is_done(b, c)) {
		conn_close(c);
		b->left--;
	}
}

static void on_writable(struct bulk *b, struct conn *c)
{
	uint64_t rest = b->each - c->out;

	conn_send(c, chunk, rest < sizeof(chunk) ? (size_t)rest : sizeof(chunk));
	if (c->out == b->each)
		sock_rewatch(b->epoll, c->fd, EPOLLIN, c);
}

static void on_event(struct bulk *b, struct conn *c, uint32_t events)
{
	if (c->state != CONN_READY) {
		if (conn_ready(c, &b->o->route) && b->o->upload)
			sock_rewatch(b->epoll, c->fd, EPOLLIN | EPOLLOUT, c);
		return;
	}
	if (events & ~(uint32_t)EPOLLOUT)
		on_readable(b, c);
	if (c->fd >= 0 && (events & EPOLLOUT) && c->out < b->each)
		on_writable(b, c);
}

static void run(struct bulk *b, struct conn *conns)
{
	struct epoll_event events[64];

	for (unsigned int i = 0; i < b->o->streams; i++) {
		conn_open(&conns[i], &b->o->route, b->epoll, i);
		if (b->o->upload && conns[i].state == CONN_READY)
			sock_rewatch(b->epoll, conns[i].fd, EPOLLIN | EPOLLOUT, &conns[i]);
	}
	while (b->left) {
		int n = epoll_wait(b->epoll, events, 64, -1);

		for (int i = 0; i < n; i++)
			on_event(b, events[i].data.ptr, events[i].events);
	}
}

int load_bulk(const struct load_options *o)
{
	struct bulk b = { .o = o, .each = o->bytes / o->streams, .left = o->streams };
	struct conn *conns = calloc(o->streams, sizeof(*conns));
	struct target target;
	struct load_times times;

	if (!conns)
		err(1, "calloc");
	target_start(&target, o->upload ? TARGET_SINK : TARGET_SOURCE, o->route.target_netns,
		     o->route.target_port, b.each);
	b.epoll = epoll_create1(EPOLL_CLOEXEC);
	load_begin(&times, &target);
	run(&b, conns);
	load_end(&times, &target);
	printf("{\"bytes\": %llu, \"seconds\": %.6f, \"cpu\": %.6f}\n",
	       (unsigned long long)(b.each * o->streams), (double)times.wall_ns / 1e9,
	       (double)times.cpu_ns / 1e9);
	free(conns);
	return load_finish(&target, o->streams);
}
