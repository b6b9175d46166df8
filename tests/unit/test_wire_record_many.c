// SPDX-License-Identifier: GPL-2.0-or-later
// More wires than AEAD contexts on one worker: they take the contexts from each other, and never a
// key.
#include "wire/wire.h"

#include "forge.h"
#include "tcp_bed.h"

#define PAIRS 200 /* 400 wires, 800 keys */

static const enum tls_suite suites[] = { TLS_SUITE_AES_128_GCM, TLS_SUITE_AES_256_GCM,
					 TLS_SUITE_CHACHA20_POLY1305 };

static struct buf_pool pool;
static struct wire_shared sh;
static struct pair {
	struct wire *end[2];
	uint64_t sent[2]; /* by each end */
} pairs[PAIRS];
static uint8_t *in;
static unsigned seed;

static struct wire *make(int fd, enum tls_suite s, unsigned tx, unsigned rx)
{
	struct tls_keys keys = { .suite = s,
				 .tx = forge_keys(&sh.crypto, s, tx),
				 .rx = forge_keys(&sh.crypto, s, rx) };
	const struct wire_record_opts opts = { .keys = &keys };

	return wire_record_new(&sh, fd, &opts);
}

static void pair_up(struct pair *p)
{
	const enum tls_suite s = suites[seed % 3];
	int fd[2];

	bed_tcp_pair(fd, 0);
	p->end[0] = make(fd[0], s, seed, seed + 1);
	p->end[1] = make(fd[1], s, seed + 1, seed);
	assert_true(p->end[0] && p->end[1]);
	p->sent[0] = p->sent[1] = 0;
	seed += 2;
}

static void part(struct pair *p)
{
	wire_free(p->end[0]);
	wire_free(p->end[1]);
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(wire_shared_init(&sh, &pool), 0);
	sh.records_max = 5;
	in = malloc(WIRE_READ_ROOM);
	seed = 1;
	for (size_t i = 0; i < PAIRS; i++)
		pair_up(&pairs[i]);
	return in ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < PAIRS; i++)
		part(&pairs[i]);
	free(in);
	wire_shared_done(&sh);
	assert_int_equal(pool.bytes_out, 0);
	buf_pool_trim(&pool, 0);
	return 0;
}

static void fill(struct pair *p, int from, uint8_t *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text[i] = bed_byte(p->sent[from] + i, from);
}

static void put(struct pair *p, int from, size_t n)
{
	uint8_t text[4096];
	struct iovec iov = { text, n };

	fill(p, from, text, n);
	assert_int_equal(wire_write(p->end[from], &iov, 1, WIRE_NOW), 0);
}

/* What put() put comes out at the other end. */
static void take(struct pair *p, int from, size_t n)
{
	struct pollfd ready = { .fd = wire_fd(p->end[!from]), .events = POLLIN };
	uint8_t text[4096];

	fill(p, from, text, n);
	for (size_t have = 0; have < n;) {
		ssize_t got = wire_read(p->end[!from], in);

		if (got == -EAGAIN)
			assert_int_equal(poll(&ready, 1, 5000), 1);
		else
			assert_true(got > 0 && (size_t)got <= n - have);
		if (got > 0)
			assert_memory_equal(in, text + have, got);
		have += got > 0 ? (size_t)got : 0;
	}
	p->sent[from] += n;
}

static void move(struct pair *p, int from, size_t n)
{
	put(p, from, n);
	take(p, from, n);
}

/*
 * Some write before any of them reads, and not always as many: in a fixed order, both ends of a
 * pair would be given the same wrong key, and nobody would notice.
 */
static void wires__more_than_contexts_in_turn__are_byte_exact(void **state)
{
	(void)state;
	for (size_t round = 1; round <= 12; round++)
		for (size_t i = 0, group; i < PAIRS; i += group) {
			group = (i + round) % 7 + 1;
			group = group < PAIRS - i ? group : PAIRS - i;
			for (size_t at = i; at < i + group; at++)
				put(&pairs[at], (int)(at % 2), 1 + (round * 977 + at) % 4000);
			for (size_t at = i; at < i + group; at++)
				take(&pairs[at], (int)(at % 2), 1 + (round * 977 + at) % 4000);
			move(&pairs[i], (int)(round % 2), round);
		}
}

/* Wires go, others come in their places, with keys of their own. */
static void wires__freed_and_made_anew__have_their_own_keys(void **state)
{
	(void)state;
	for (size_t round = 0; round < 6; round++) {
		for (size_t i = 0; i < PAIRS; i++)
			move(&pairs[i], i % 2, 100);
		for (size_t i = round % 2; i < PAIRS; i += 2) {
			part(&pairs[i]);
			pair_up(&pairs[i]);
			move(&pairs[i], 0, 10);
		}
	}
}

/* One that is busy all the time among those that are not. */
static void wires__one_busy_among_many__keeps_its_place(void **state)
{
	(void)state;
	for (size_t i = 1; i < PAIRS; i++)
		for (int burst = 0; burst < 8; burst++) {
			move(&pairs[0], burst % 2, 1 + i);
			if (burst == 4)
				move(&pairs[i], 1, 30);
		}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wires__more_than_contexts_in_turn__are_byte_exact),
		TEST(wires__freed_and_made_anew__have_their_own_keys),
		TEST(wires__one_busy_among_many__keeps_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
