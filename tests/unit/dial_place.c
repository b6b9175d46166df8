// SPDX-License-Identifier: GPL-2.0-or-later
// Listeners, black holes and recorded calls for the tests of dialing.
#include "dial_place.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define START_MS 1000000

unsigned place_owners_freed;

void place_done(struct dial *d, int err, int fd)
{
	struct call *c = container_of(d, struct call, d);

	c->dones++;
	c->err = err;
	c->fd = fd;
	if (c->cancel)
		dial_cancel(c->cancel);
	if (c->free_self) {
		if (fd >= 0)
			close(fd);
		free(c);
		place_owners_freed++;
	}
}

union sockaddr_any place_local(uint8_t last, uint16_t port)
{
	union sockaddr_any a;

	sockaddr_set(&a, (const uint8_t[4]){ 127, 0, 0, last }, 4, port);
	return a;
}

union sockaddr_any place_local6(uint16_t port)
{
	union sockaddr_any a;

	sockaddr_set(&a, (const uint8_t[16]){ [15] = 1 }, 16, port);
	return a;
}

static int keep(struct place *b, int fd)
{
	assert_true(b->n < sizeof(b->open) / sizeof(b->open[0]));
	b->open[b->n++] = fd;
	return fd;
}

int place_listen_at(struct place *b, union sockaddr_any a, int backlog)
{
	socklen_t len = sizeof(a);
	int one = 1, fd = keep(b, socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, &a.sa, sockaddr_len(&a)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	b->port = sockaddr_port(&a);
	return fd;
}

int place_serve_at(struct place *b, uint8_t last)
{
	return place_listen_at(b, place_local(last, b->port), 16);
}

void place_black_hole(struct place *b, union sockaddr_any a)
{
	place_listen_at(b, a, 0);
	a.in.sin_port = htons(b->port); /* at the same place in both families */
	for (int i = 0; i < 2; i++) {
		int fd = keep(
			b, socket(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));

		assert_int_equal(connect(fd, &a.sa, sockaddr_len(&a)), -1);
		assert_int_equal(errno, EINPROGRESS);
	}
}

void place_add_address(struct place *b, uint8_t last)
{
	char ip[16];

	snprintf(ip, sizeof(ip), "127.0.0.%u", last);
	fake_dns_address(b->dns, "host.test", FAKE_A, ip, 60);
}

void place_settle(struct place *b)
{
	for (int i = 0; i < 12; i++)
		loop_turn(b->loop, 1);
}

void place_advance(struct place *b, uint64_t ms)
{
	clock_freeze_ms(clock_now_ms() + ms);
	place_settle(b);
}

void place_dial_host(struct place *b, struct call *c, const struct dial_opts *opts)
{
	c->d.done = place_done;
	assert_int_equal(dial_name(&c->d, b->loop, b->resolver, opts, "host.test", b->port), 0);
	assert_int_equal(c->dones, 0);
}

void place_dial_local(struct place *b, struct call *c, const struct dial_opts *opts,
		      union sockaddr_any a)
{
	c->d.done = place_done;
	assert_int_equal(dial_addr(&c->d, b->loop, opts, &a), 0);
	assert_int_equal(c->dones, 0);
}

uint8_t place_peer_of(const struct call *c)
{
	union sockaddr_any a = { 0 };
	socklen_t len = sizeof(a);

	assert_int_equal(c->err, 0);
	assert_int_equal(getpeername(c->fd, &a.sa, &len), 0);
	return sockaddr_ip(&a, &(size_t){ 0 })[3];
}

unsigned place_open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

int place_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

bool place_has_ipv6(void)
{
	union sockaddr_any a = place_local6(0);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool works = fd >= 0 && bind(fd, &a.sa, sizeof(a.in6)) == 0;

	if (fd >= 0)
		close(fd);
	if (!works)
		print_message("skipped: no ::1 on this machine\n");
	return works;
}

int place_set_up(void **state)
{
	struct place *b = calloc(1, sizeof(*b));
	struct resolve_opts opts = { .timeout_ms = 60000 };

	clock_freeze_ms(START_MS);
	b->loop = loop_new();
	b->dns = fake_dns_new(b->loop);
	opts.servers = fake_dns_server(b->dns);
	b->resolver = resolver_new(b->loop, &opts);
	*state = b;
	return b->resolver ? 0 : -1;
}

int place_tear_down(void **state)
{
	struct place *b = *state;

	for (unsigned i = 0; i < b->n; i++)
		close(b->open[i]);
	resolver_free(b->resolver);
	fake_dns_free(b->dns);
	loop_free(b->loop);
	free(b);
	clock_freeze_ms(0);
	return 0;
}
