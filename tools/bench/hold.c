// SPDX-License-Identifier: GPL-2.0-or-later
// Held streams: thousands at once that moved one byte each way, kept open while memory is read.
#include "bench/load.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/sock.h"

struct hold {
	const struct load_options *o;
	struct conn *conns;
	unsigned int count, opened, held;
	bool told; /* a line came in */
	int epoll;
};

static unsigned char chunk[SOCK_CHUNK];

static void open_next(struct hold *h)
{
	struct conn *c = &h->conns[h->opened];

	if (h->opened == h->count)
		return;
	conn_open(c, &h->o->route, h->epoll, h->opened++);
	if (c->state == CONN_READY)
		conn_send(c, chunk, 1);
}

static void on_event(struct hold *h, struct conn *c)
{
	ssize_t n;

	if (c->state != CONN_READY) {
		if (conn_ready(c, &h->o->route))
			conn_send(c, chunk, 1);
		return;
	}
	n = conn_recv(c, chunk);
	if (n < 0)
		return;
	if (n != 1 || c->in != 1)
		errx(1, "a held stream %s", n ? "carried more than it should" : "was closed");
	h->held++;
	open_next(h);
}

static void on_line(struct hold *h)
{
	char line[16];

	if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
		errx(1, "nobody waits for the held streams");
	h->told = true;
}

static void step(struct hold *h)
{
	struct epoll_event events[64];
	int n = epoll_wait(h->epoll, events, 64, -1);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			on_event(h, events[i].data.ptr);
		else
			on_line(h);
	}
}

static void hold_begin(struct hold *h, const struct load_options *o, unsigned int count)
{
	*h = (struct hold){ .o = o, .count = count, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	h->conns = calloc(count, sizeof(*h->conns));
	if (!h->conns)
		err(1, "calloc");
}

static void open_all(struct hold *h)
{
	h->opened = h->held = 0;
	for (unsigned int i = 0; i < h->o->streams && i < h->count; i++)
		open_next(h);
	while (h->held < h->count)
		step(h);
}

static void close_all(struct hold *h)
{
	for (unsigned int i = 0; i < h->count; i++)
		conn_close(&h->conns[i]);
}

int load_hold(const struct load_options *o)
{
	struct target target;
	struct hold h;
	int rc;

	hold_begin(&h, o, o->count);
	target_start(&target, TARGET_ECHO, o->route.target_netns, o->route.target_port, 0);
	sock_watch(h.epoll, STDIN_FILENO, EPOLLIN, NULL);
	open_all(&h);
	printf("held\n");
	fflush(stdout);
	while (!h.told)
		step(&h);
	close_all(&h);
	rc = load_finish(&target, o->count);
	printf("closed\n");
	free(h.conns);
	return rc;
}

int load_waves(const struct load_options *o)
{
	struct target target;
	struct hold h;

	hold_begin(&h, o, o->streams);
	target_start(&target, TARGET_ECHO, o->route.target_netns, o->route.target_port, 0);
	for (unsigned int i = 0; i < o->count; i++) {
		open_all(&h);
		close_all(&h);
	}
	printf("{\"waves\": %u}\n", o->count);
	free(h.conns);
	return load_finish(&target, o->count * o->streams);
}
