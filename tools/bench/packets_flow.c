// SPDX-License-Identifier: GPL-2.0-or-later
// Datagrams over open flows, a bounded number under way.
#include "bench/packets.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/sock.h"

#define PATIENCE_MS 500 /* after so long of silence all that is under way is lost */

struct stage {
	const struct packets_options *o;
	int epoll, *fds;
	pid_t echo;
	uint32_t turn;	   /* of datagrams: those of an earlier turn were given up */
	unsigned int next; /* flow */
	unsigned int sent, done, under_way, lost, late;
	uint64_t wall_ns, cpu_ns;
};

static unsigned char bytes[PACKETS_MAX];

static void send_next(struct stage *s)
{
	struct packets_head head = { s->next, s->turn, sock_now_ns() };

	memcpy(bytes, &head, sizeof(head));
	if (send(s->fds[s->next], bytes, s->o->size, 0) < 0)
		err(1, "send");
	s->next = (s->next + 1) % s->o->flows;
	s->sent++;
	s->under_way++;
}

static void refill(struct stage *s, unsigned int upto)
{
	while (s->under_way < s->o->window && s->sent < upto)
		send_next(s);
}

static void on_readable(struct stage *s, unsigned int flow)
{
	unsigned char got[PACKETS_MAX];
	struct packets_head head;
	ssize_t n;

	while ((n = recv(s->fds[flow], got, sizeof(got), 0)) > 0) {
		memcpy(&head, got, sizeof(head));
		if (n != s->o->size || head.flow != flow)
			errx(1, "flow %u got a datagram that it did not send", flow);
		if (head.turn != s->turn || !s->under_way) {
			s->late++;
			continue;
		}
		s->under_way--;
		s->done++;
	}
	if (errno != EAGAIN)
		err(1, "recv");
}

static void give_up(struct stage *s)
{
	s->lost += s->under_way;
	s->under_way = 0;
	s->turn++;
	if (s->lost > s->o->count / 10 + s->o->flows)
		errx(1, "%u datagrams were lost, %u came", s->lost, s->done);
}

/* Until so many have come back or are lost. */
static void exchange(struct stage *s, unsigned int count)
{
	struct epoll_event events[64];
	unsigned int lost = s->lost;

	s->sent = s->done = 0;
	while (s->done + s->lost - lost < count) {
		int n;

		refill(s, count);
		n = epoll_wait(s->epoll, events, 64, PATIENCE_MS);
		for (int i = 0; i < n; i++) {
			on_readable(s, events[i].data.u32);
			refill(s, count);
		}
		if (!n)
			give_up(s);
	}
}

static void open_flows(struct stage *s)
{
	for (unsigned int i = 0; i < s->o->flows; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.u32 = i };

		s->fds[i] = place_connect(&s->o->to, SOCK_DGRAM, s->o->port, i);
		if (s->o->flows < 16)
			packets_widen(s->fds[i]);
		if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->fds[i], &ev))
			err(1, "epoll_ctl");
	}
}

static void wait_for_line(void)
{
	char line[16];

	if (read(STDIN_FILENO, line, sizeof(line)) < 0)
		err(1, "read");
}

static void measured(struct stage *s)
{
	s->wall_ns = sock_now_ns();
	s->cpu_ns = sock_cpu_ns(0) + sock_cpu_ns(s->echo);
	exchange(s, s->o->count);
	s->wall_ns = sock_now_ns() - s->wall_ns;
	s->cpu_ns = sock_cpu_ns(0) + sock_cpu_ns(s->echo) - s->cpu_ns;
	printf("{\"packets\": %u, \"lost\": %u, \"seconds\": %.6f, \"cpu\": %.6f}\n", 2 * s->done,
	       s->lost, (double)s->wall_ns / 1e9, (double)s->cpu_ns / 1e9);
	fflush(stdout);
}

int packets_flow(const struct packets_options *o)
{
	struct stage s = { .o = o, .epoll = epoll_create1(EPOLL_CLOEXEC) };

	s.fds = calloc(o->flows, sizeof(*s.fds));
	if (!s.fds)
		err(1, "calloc");
	s.echo = packets_echo(o->netns, o->port);
	open_flows(&s);
	exchange(&s, 2 * (o->flows > o->window ? o->flows : o->window));
	printf("warm\n");
	fflush(stdout);
	wait_for_line();
	s.lost = 0;
	measured(&s);
	wait_for_line();
	packets_echo_end(s.echo);
	free(s.fds);
	return 0;
}
