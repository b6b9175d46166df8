// SPDX-License-Identifier: GPL-2.0-or-later
// New streams: how fast they open, one at a time or many at once, and when the first byte comes
// back.
#include "bench/load.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "bench/sock.h"

struct fresh {
	const struct load_options *o;
	uint64_t *first_byte_ns;
	unsigned int opened, done;
	int epoll;
};

static unsigned char chunk[SOCK_CHUNK];

static int compare_ns(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void open_next(struct fresh *f, struct conn *c)
{
	if (f->opened == f->o->count)
		return;
	conn_open(c, &f->o->route, f->epoll, f->opened++);
	if (c->state == CONN_READY)
		conn_send(c, chunk, 1);
}

static void on_event(struct fresh *f, struct conn *c)
{
	ssize_t n;

	if (c->state != CONN_READY) {
		if (conn_ready(c, &f->o->route))
			conn_send(c, chunk, 1);
		return;
	}
	n = conn_recv(c, chunk);
	if (n < 0)
		return;
	if (n != 1)
		errx(1, "%zd bytes came back instead of one", n);
	f->first_byte_ns[f->done++] = sock_now_ns() - c->started_ns;
	conn_close(c);
	open_next(f, c);
}

static void run(struct fresh *f, struct conn *conns)
{
	struct epoll_event events[64];

	for (unsigned int i = 0; i < f->o->streams; i++)
		open_next(f, &conns[i]);
	while (f->done < f->o->count) {
		int n = epoll_wait(f->epoll, events, 64, -1);

		for (int i = 0; i < n; i++)
			on_event(f, events[i].data.ptr);
	}
}

static void report(struct fresh *f, const struct load_times *times)
{
	unsigned int last = f->done - 1;

	qsort(f->first_byte_ns, f->done, sizeof(*f->first_byte_ns), compare_ns);
	printf("{\"streams\": %u, \"seconds\": %.6f, \"cpu\": %.6f, "
	       "\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
	       f->done, (double)times->wall_ns / 1e9, (double)times->cpu_ns / 1e9,
	       (double)f->first_byte_ns[last / 2] / 1e3,
	       (double)f->first_byte_ns[(uint64_t)last * 99 / 100] / 1e3);
}

int load_new(const struct load_options *o)
{
	struct fresh f = { .o = o, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	struct conn *conns = calloc(o->streams, sizeof(*conns));
	struct target target;
	struct load_times times;

	f.first_byte_ns = calloc(o->count, sizeof(*f.first_byte_ns));
	if (!conns || !f.first_byte_ns)
		err(1, "calloc");
	target_start(&target, TARGET_ECHO, o->route.target_netns, o->route.target_port, 0);
	load_begin(&times, &target);
	run(&f, conns);
	load_end(&times, &target);
	report(&f, &times);
	free(f.first_byte_ns);
	free(conns);
	return load_finish(&target, o->count);
}
