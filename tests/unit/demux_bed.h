/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test help: a session that receives through a demux as the daemon does, with streams whose sockets
 * end here. The payload of a stream is a pattern, so each byte that comes out is compared.
 */
#ifndef TESTS_UNIT_DEMUX_BED_H
#define TESTS_UNIT_DEMUX_BED_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "core/session.h"
#include "datapath/demux.h"
#include "datapath/loopback.h"

#define BED_STREAMS 64
#define BED_WIRE    (1 << 20)
#define BED_SESSION 77

struct bed_stream {
	struct session_stream st; /* first: what acts point at */
	int fd[2];		  /* the stream's socket, and where its payload comes out */
	unsigned slot;		  /* 0: not in the demux */
	struct buf queue;	  /* what the socket did not take */
	uint64_t made, got;	  /* bytes of payload put on the wire, and seen at the end */
	uint64_t kernel, user;	  /* of them, redirected, and fed to the session */
	uint64_t seed;		  /* of the pattern */
};

struct demux_bed {
	struct demux *d;
	int pipe[2];
	uint64_t key; /* of the session */
	struct session session;
	struct bed_stream stream[BED_STREAMS];
	struct buf_pool pool;
	struct demux_pushed pushed; /* the last */
	uint8_t wire[BED_WIRE];	    /* frames that are made and not received yet */
	size_t n;
	uint64_t took, pushes; /* bytes that pushes took, and their number */
};

static inline uint8_t bed_byte(uint64_t seed, uint64_t at)
{
	return (uint8_t)(at * 131 + at / 251 + at / 65521 + seed);
}

static inline struct demux *bed_demux(unsigned streams)
{
	char why[200];
	struct demux *d = NULL;

	assert_int_equal(demux_new(&d, streams, why, sizeof(why)), 0);
	return d;
}

static char bed_refused[200]; /* why there is no demux on this kernel */

static inline bool bed_works(void)
{
	struct demux *d;

	signal(SIGPIPE, SIG_IGN);
	if (demux_new(&d, 1, bed_refused, sizeof(bed_refused)) < 0)
		return false;
	demux_free(d);
	return true;
}

static inline void demux__refused_on_this_kernel__skipped(void **state)
{
	(void)state;
	print_message("no demux here: %s\n", bed_refused);
	skip();
}

static const struct CMUnitTest bed_skipped[] = {
	cmocka_unit_test(demux__refused_on_this_kernel__skipped),
};

/* Runs the tests, or says why none can be. */
#define BED_RUN(tests)                                                                             \
	(bed_works() ? cmocka_run_group_tests(tests, NULL, NULL)                                   \
		     : cmocka_run_group_tests(bed_skipped, NULL, NULL))

static inline void bed_init(struct demux_bed *b, struct demux *d, uint64_t key)
{
	memset(b, 0, sizeof(*b));
	b->d = d;
	b->key = key;
	session_init(&b->session, SESSION_SERVER);
	assert_int_equal(pipe2(b->pipe, O_NONBLOCK | O_CLOEXEC), 0);
	for (unsigned i = 0; i < BED_STREAMS; i++)
		b->stream[i].fd[0] = b->stream[i].fd[1] = -1;
}

static inline void bed_done(struct demux_bed *b)
{
	for (unsigned i = 0; i < BED_STREAMS; i++) {
		struct bed_stream *s = &b->stream[i];

		if (s->slot)
			demux_remove(b->d, s->slot);
		session_remove(&b->session, &s->st);
		buf_done(&s->queue, &b->pool);
		fd_close(s->fd[0]);
		fd_close(s->fd[1]);
	}
	session_done(&b->session);
	buf_pool_trim(&b->pool, 0);
	fd_close(b->pipe[0]);
	fd_close(b->pipe[1]);
}

/* Opens stream number i, whose id is i + 1, with buffers of `room` bytes unless it is 0. */
static inline struct bed_stream *bed_open(struct demux_bed *b, unsigned i, int room)
{
	struct bed_stream *s = &b->stream[i];

	s->st = (struct session_stream){ .id = i + 1 };
	s->seed = (i + 1) * 37 + (b->key >> 32) * 101;
	session_add(&b->session, &s->st);
	assert_int_equal(loopback_pair(s->fd, room), 0);
	assert_int_equal(demux_add(b->d, b->key, s->st.id, s->fd[0], &s->slot), 0);
	return s;
}

/* Makes a frame; `len` bytes of it are the stream's next payload where it is PSH. */
static inline void bed_frame(struct demux_bed *b, uint8_t cmd, uint32_t id, uint16_t len)
{
	struct bed_stream *s = &b->stream[(id - 1) % BED_STREAMS];

	assert_true(b->n + FRAME_HDR_LEN + len <= BED_WIRE);
	frame_put(b->wire + b->n, (enum frame_cmd)cmd, id, len);
	b->n += FRAME_HDR_LEN;
	for (uint16_t i = 0; i < len; i++)
		b->wire[b->n++] = cmd == FRAME_PSH ? bed_byte(s->seed, s->made++) : 0xee;
}

static inline void bed_psh(struct demux_bed *b, struct bed_stream *s, uint16_t len)
{
	bed_frame(b, FRAME_PSH, s->st.id, len);
}

/* Sends what is queued; while anything is, the stream is slow. */
static inline void bed_flush(struct demux_bed *b, struct bed_stream *s)
{
	struct iovec iov[64];
	ssize_t n;

	while (s->queue.len > 0) {
		n = writev(s->fd[0], iov, buf_peek(&s->queue, iov, 64));
		if (n < 0 && errno != EAGAIN)
			n = (ssize_t)s->queue.len; /* broken: drop it */
		if (n < 0)
			break;
		buf_consume(&s->queue, &b->pool, (size_t)n);
	}
	if (s->slot)
		demux_slow(b->d, s->slot, s->queue.len > 0);
}

static inline void bed_feed(struct demux_bed *b, const uint8_t *p, size_t n)
{
	static struct acts acts;
	size_t used = 0;

	do {
		ssize_t took = session_feed(&b->session, p + used, n - used, &acts);

		assert_true(took >= 0);
		used += (size_t)took;
		for (unsigned i = 0; i < acts.n; i++) {
			struct bed_stream *s = (struct bed_stream *)acts.act[i].stream;

			if (acts.act[i].kind != ACT_DATA)
				continue;
			assert_int_equal(
				buf_append(&s->queue, &b->pool, acts.act[i].data, acts.act[i].len),
				0);
			s->user += acts.act[i].len;
			bed_flush(b, s);
		}
	} while (used < n || acts.n > 0);
}

static inline struct demux_pos bed_pos(const struct demux_bed *b)
{
	struct demux_pos pos = { .hdr_have = b->session.hdr_have, .left = b->session.left };

	memcpy(pos.hdr, b->session.hdr, sizeof(pos.hdr));
	return pos;
}

static inline void bed_set_pos(struct demux_bed *b, const struct demux_pos *pos)
{
	memcpy(b->session.hdr, pos->hdr, sizeof(pos->hdr));
	b->session.hdr_have = pos->hdr_have;
	b->session.left = pos->left;
	if (pos->hdr_have == FRAME_HDR_LEN)
		frame_get(b->session.hdr, &b->session.frame);
}

static inline void bed_account(struct demux_bed *b)
{
	for (unsigned i = 0; i < b->pushed.n; i++) {
		const struct demux_part *p = &b->pushed.parts[i];
		struct bed_stream *s = b->stream;

		while (s->slot != p->slot)
			assert_true(++s < b->stream + BED_STREAMS);
		assert_true(p->bytes > 0);
		s->kernel += p->bytes;
	}
}

/* Pushes n bytes of the pipe and reads what is left of them. Returns how many those were. */
static inline size_t bed_push_pipe(struct demux_bed *b, size_t n)
{
	static uint8_t rest[BED_WIRE];
	struct demux_pos pos = bed_pos(b);
	size_t left, have = 0;

	assert_int_equal(demux_push(b->d, b->key, &pos, b->pipe[0], n, &b->pushed), 0);
	bed_set_pos(b, &pos);
	bed_account(b);
	b->took += b->pushed.taken;
	b->pushes++;
	left = n - b->pushed.taken;
	while (have < left) {
		ssize_t got = read(b->pipe[0], rest + have, left - have);

		assert_true(got > 0);
		have += (size_t)got;
	}
	assert_int_equal(read(b->pipe[0], rest + left, 1), -1); /* none beside */
	bed_feed(b, rest, left);
	return left;
}

/* The first n bytes that were made come, by one push. Returns how many of them it did not take. */
static inline size_t bed_push(struct demux_bed *b, size_t n)
{
	assert_true(n <= b->n);
	assert_int_equal(write(b->pipe[1], b->wire, n), n);
	memmove(b->wire, b->wire + n, b->n - n);
	b->n -= n;
	return bed_push_pipe(b, n);
}

/* Compares what is there at the end of a stream, of which at most `max` bytes are read. */
static inline void bed_read(struct bed_stream *s, size_t max)
{
	static uint8_t buf[65536];

	while (max > 0) {
		ssize_t n = recv(s->fd[1], buf, max < sizeof(buf) ? max : sizeof(buf), 0);

		if (n < 0 && errno == EAGAIN)
			return;
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != bed_byte(s->seed, s->got++))
				fail_msg("stream %u: wrong byte at %llu", s->st.id,
					 (unsigned long long)s->got - 1);
		max -= (size_t)n;
	}
}

/* Everything that was made for the stream comes out, with no gap of `ms` in it. */
static inline void bed_expect(struct demux_bed *b, struct bed_stream *s, int ms)
{
	while (s->got < s->made) {
		struct pollfd p = { .fd = s->fd[1], .events = POLLIN };

		bed_flush(b, s);
		assert_int_equal(poll(&p, 1, ms), 1);
		bed_read(s, SIZE_MAX);
	}
	assert_true(s->got == s->made);
	assert_true(s->kernel + s->user == s->made);
	assert_int_equal(s->queue.len, 0);
}

#endif
