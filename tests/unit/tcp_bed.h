/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: two joined TCP endpoints on a loop, and the two far ends that talk through them. */
#ifndef TESTS_UNIT_TCP_BED_H
#define TESTS_UNIT_TCP_BED_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "datapath/tcp.h"

#define BED_START_MS 1000000

struct tcp_bed {
	struct loop *loop;
	struct buf_pool pool;
	struct relay_shared sh;
	_Atomic uint32_t busy, place;
	int far[2];		/* non-blocking; what is written to [0] comes out at [1] */
	struct endpoint *ep[2]; /* as made: look at them only while they live */
	int fds_before;
};

static inline int bed_count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* A loopback TCP connection; both ends do not block; buffers of `room` bytes unless it is 0. */
static inline void bed_tcp_pair(int fd[2], int room)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	socklen_t len = sizeof(at);

	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(l >= 0 && fd[0] >= 0);
	if (room) {
		setsockopt(l, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
		setsockopt(l, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
		setsockopt(fd[0], SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
		setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	}
	assert_int_equal(bind(l, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(fd[0], (struct sockaddr *)&at, len), 0);
	fd[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fd[1] >= 0);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close(l);
}

static inline void bed_init(struct tcp_bed *b, int room)
{
	memset(b, 0, sizeof(*b));
	b->fds_before = bed_count_fds();
	clock_freeze_ms(BED_START_MS);
	b->loop = loop_new();
	assert_non_null(b->loop);
	assert_int_equal(relay_shared_init(&b->sh, b->loop, &b->pool, &b->busy), 0);
	for (int i = 0; i < 2; i++) {
		struct buf none = { 0 };
		int pair[2];

		bed_tcp_pair(pair, room);
		b->far[i] = pair[0];
		b->place++;
		b->ep[i] = tcp_endpoint_new(&b->sh, pair[1], &none, &b->place);
		assert_non_null(b->ep[i]);
	}
	assert_int_equal(b->busy, 2);
}

/* Both endpoints must be gone by then. */
static inline void bed_done(struct tcp_bed *b)
{
	assert_int_equal(b->busy, 0);
	assert_int_equal(b->place, 0);
	assert_int_equal(b->pool.bytes_out, 0);
	for (int i = 0; i < 2; i++)
		if (b->far[i] >= 0)
			close(b->far[i]);
	loop_free(b->loop);
	relay_shared_done(&b->sh);
	buf_pool_trim(&b->pool, 0);
	assert_int_equal(bed_count_fds(), b->fds_before);
	clock_freeze_ms(0);
}

static inline void bed_turn(struct tcp_bed *b)
{
	loop_turn(b->loop, 0);
}

/* Turns until nothing that is under way inside the kernel or the loop can be left. */
static inline void bed_settle(struct tcp_bed *b)
{
	for (int i = 0; i < 20; i++)
		loop_turn(b->loop, i < 10 ? 0 : 1);
}

static inline void bed_advance(struct tcp_bed *b, uint64_t ms)
{
	clock_freeze_ms(clock_now_ms() + ms);
	bed_settle(b);
}

static inline uint8_t bed_byte(uint64_t place, int side)
{
	return (uint8_t)((place * 131 + place / 509) ^ (uint64_t)side * 77);
}

/* Sends up to n bytes of the pattern from *at on; moves *at. */
static inline void bed_send(int fd, int side, uint64_t *at, size_t n)
{
	uint8_t p[8192];
	ssize_t sent;

	while (n > 0) {
		size_t take = n < sizeof(p) ? n : sizeof(p);

		for (size_t i = 0; i < take; i++)
			p[i] = bed_byte(*at + i, side);
		sent = send(fd, p, take, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			return;
		assert_true(sent > 0);
		*at += (uint64_t)sent;
		n -= (size_t)sent;
	}
}

/* Receives up to n bytes and compares them. 1: more may come; 0: EOF; -errno. */
static inline int bed_recv(int fd, int side, uint64_t *at, size_t n)
{
	uint8_t p[8192];

	while (n > 0) {
		ssize_t got = recv(fd, p, n < sizeof(p) ? n : sizeof(p), 0);

		if (got < 0)
			return errno == EAGAIN ? 1 : -errno;
		if (got == 0)
			return 0;
		for (ssize_t i = 0; i < got; i++)
			if (p[i] != bed_byte(*at + (uint64_t)i, side))
				fail_msg("byte %llu differs", (unsigned long long)*at);
		*at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 1;
}

/* Turns and receives until EOF or an error, which is returned. */
static inline int bed_drain(struct tcp_bed *b, int to, uint64_t *at)
{
	for (int i = 0; i < 20000; i++) {
		int ret = bed_recv(b->far[to], !to, at, SIZE_MAX);

		if (ret <= 0)
			return ret;
		loop_turn(b->loop, 1);
	}
	fail_msg("no end of stream after %llu bytes", (unsigned long long)*at);
	return 1;
}

static inline void bed_close_far(struct tcp_bed *b, int side, bool hard)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };

	if (hard)
		setsockopt(b->far[side], SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(b->far[side]);
	b->far[side] = -1;
}

#endif
