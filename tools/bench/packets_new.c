// SPDX-License-Identifier: GPL-2.0-or-later
// New flows of UDP: one datagram there, one back, and the socket is gone.
#include "bench/packets.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/sock.h"

#define PATIENCE_MS 3000 /* an answer that takes longer is lost */

struct seat {
	int fd; /* -1: free */
	uint32_t nth;
	uint64_t sent_ns;
};

struct fresh {
	const struct packets_options *o;
	int epoll;
	struct seat *seats;
	uint64_t *answer_ns;
	unsigned int opened, answered, lost;
};

static unsigned char bytes[PACKETS_MAX];

static void open_next(struct fresh *f, struct seat *seat)
{
	struct packets_head head = { f->opened, 0, sock_now_ns() };

	seat->fd = -1;
	if (f->opened == f->o->count)
		return;
	seat->nth = f->opened++;
	seat->sent_ns = head.sent_ns;
	seat->fd = place_connect(&f->o->to, SOCK_DGRAM, f->o->port, seat->nth);
	memcpy(bytes, &head, sizeof(head));
	sock_watch(f->epoll, seat->fd, EPOLLIN, seat);
	if (send(seat->fd, bytes, f->o->size, 0) < 0)
		err(1, "send");
}

static void on_readable(struct fresh *f, struct seat *seat)
{
	unsigned char got[PACKETS_MAX];
	ssize_t n = recv(seat->fd, got, sizeof(got), 0);
	struct packets_head head;

	if (n < 0)
		err(1, "recv");
	memcpy(&head, got, sizeof(head));
	if (n != f->o->size || head.flow != seat->nth)
		errx(1, "flow %u got a datagram that it did not send", seat->nth);
	f->answer_ns[f->answered++] = sock_now_ns() - seat->sent_ns;
	close(seat->fd);
	open_next(f, seat);
}

static void give_up(struct fresh *f)
{
	uint64_t limit = sock_now_ns() - PATIENCE_MS * 1000000ull;

	for (unsigned int i = 0; i < f->o->window; i++) {
		struct seat *seat = &f->seats[i];

		if (seat->fd < 0 || seat->sent_ns > limit)
			continue;
		f->lost++;
		close(seat->fd);
		open_next(f, seat);
	}
	if (f->lost > f->o->count / 10 + 10)
		errx(1, "%u flows got no answer, %u did", f->lost, f->answered);
}

static void run(struct fresh *f)
{
	struct epoll_event events[64];

	for (unsigned int i = 0; i < f->o->window; i++)
		open_next(f, &f->seats[i]);
	while (f->answered + f->lost < f->o->count) {
		int n = epoll_wait(f->epoll, events, 64, PATIENCE_MS);

		for (int i = 0; i < n; i++)
			on_readable(f, events[i].data.ptr);
		if (!n)
			give_up(f);
	}
}

static int compare_ns(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void report(struct fresh *f, uint64_t wall_ns, uint64_t cpu_ns)
{
	unsigned int last = f->answered - 1;

	qsort(f->answer_ns, f->answered, sizeof(*f->answer_ns), compare_ns);
	printf("{\"flows\": %u, \"lost\": %u, \"seconds\": %.6f, \"cpu\": %.6f, "
	       "\"p50_us\": %.1f, \"p99_us\": %.1f}\n",
	       f->answered, f->lost, (double)wall_ns / 1e9, (double)cpu_ns / 1e9,
	       (double)f->answer_ns[last / 2] / 1e3,
	       (double)f->answer_ns[(uint64_t)last * 99 / 100] / 1e3);
}

int packets_new(const struct packets_options *o)
{
	struct fresh f = { .o = o, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	uint64_t wall_ns, cpu_ns;
	pid_t echo;

	f.seats = calloc(o->window, sizeof(*f.seats));
	f.answer_ns = calloc(o->count, sizeof(*f.answer_ns));
	if (!f.seats || !f.answer_ns)
		err(1, "calloc");
	echo = packets_echo(o->netns, o->port);
	wall_ns = sock_now_ns();
	cpu_ns = sock_cpu_ns(0) + sock_cpu_ns(echo);
	run(&f);
	report(&f, sock_now_ns() - wall_ns, sock_cpu_ns(0) + sock_cpu_ns(echo) - cpu_ns);
	packets_echo_end(echo);
	free(f.answer_ns);
	free(f.seats);
	return 0;
}
