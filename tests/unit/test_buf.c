// SPDX-License-Identifier: GPL-2.0-or-later
// The byte queue: order over chunk borders, what the pool keeps, running out of memory.
#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/resource.h>

#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

/* Byte i of an endless pattern without a short period. */
static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

static void append_pattern(struct buf *b, struct buf_pool *pool, size_t at, size_t n)
{
	uint8_t *p = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = pattern(at + i);
	assert_int_equal(buf_append(b, pool, p, n), 0);
	free(p);
}

/* Compares the whole queue with the pattern from `at` on. */
static void check_pattern(const struct buf *b, size_t at)
{
	struct iovec iov[64];
	int n = buf_peek(b, iov, 64);
	size_t seen = 0;

	for (int i = 0; i < n; i++) {
		assert_true(iov[i].iov_len > 0);
		for (size_t k = 0; k < iov[i].iov_len; k++)
			assert_int_equal(((uint8_t *)iov[i].iov_base)[k], pattern(at + seen + k));
		seen += iov[i].iov_len;
	}
	assert_int_equal(seen, b->len);
}

static void drop(struct buf *b, struct buf_pool *pool)
{
	buf_done(b, pool);
	assert_int_equal(pool->bytes_out, 0);
	buf_pool_trim(pool, 0);
	assert_int_equal(pool->n_free, 0);
	assert_null(pool->free);
}

static void buf_append__sizes_around_a_chunk__keep_order(void **state)
{
	static const size_t sizes[] = {
		1, BUF_CHUNK_LEN - 1, 1, 1, BUF_CHUNK_LEN, BUF_CHUNK_LEN + 1, 100000, 0, 7
	};
	struct buf_pool pool = { .free = NULL };
	struct buf b = { .head = NULL };
	size_t total = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		append_pattern(&b, &pool, total, sizes[i]);
		total += sizes[i];
		assert_int_equal(b.len, total);
		check_pattern(&b, 0);
	}
	assert_int_equal(pool.bytes_out,
			 (total + BUF_CHUNK_LEN - 1) / BUF_CHUNK_LEN * BUF_CHUNK_LEN);
	drop(&b, &pool);
}

static void buf_consume__any_step__leaves_the_rest(void **state)
{
	static const size_t steps[] = {
		0, 1, 100, BUF_CHUNK_LEN - 101, BUF_CHUNK_LEN, 2 * BUF_CHUNK_LEN + 5, 0, 77
	};
	struct buf_pool pool = { .free = NULL };
	struct buf b = { .head = NULL };
	size_t at = 0, total = 6 * BUF_CHUNK_LEN + 10;

	(void)state;
	append_pattern(&b, &pool, 0, total);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		buf_consume(&b, &pool, steps[i]);
		at += steps[i];
		assert_int_equal(b.len, total - at);
		check_pattern(&b, at);
	}
	buf_consume(&b, &pool, b.len);
	assert_int_equal(b.len, 0);
	assert_null(b.head);
	assert_null(b.tail);
	drop(&b, &pool);
}

static void buf_consume__mixed_with_append__keeps_order(void **state)
{
	struct buf_pool pool = { .free = NULL };
	struct buf b = { .head = NULL };
	size_t in = 0, out = 0;

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		size_t n = i * 7919 % 5000, take;

		append_pattern(&b, &pool, in, n);
		in += n;
		take = i * 104729 % 4900;
		take = take < b.len ? take : b.len;
		buf_consume(&b, &pool, take);
		out += take;
		assert_int_equal(b.len, in - out);
		check_pattern(&b, out);
	}
	drop(&b, &pool);
}

static void buf_peek__fewer_slots_than_chunks__gives_the_front(void **state)
{
	struct buf_pool pool = { .free = NULL };
	struct buf b = { .head = NULL };
	struct iovec iov[2];

	(void)state;
	assert_int_equal(buf_peek(&b, iov, 2), 0);
	append_pattern(&b, &pool, 0, 3 * BUF_CHUNK_LEN);
	assert_int_equal(buf_peek(&b, iov, 0), 0);
	assert_int_equal(buf_peek(&b, iov, 2), 2);
	assert_int_equal(iov[0].iov_len, BUF_CHUNK_LEN);
	assert_int_equal(*(uint8_t *)iov[1].iov_base, pattern(BUF_CHUNK_LEN));
	drop(&b, &pool);
}

static void buf_pool__freed_chunks__are_used_again(void **state)
{
	struct buf_pool pool = { .free = NULL };
	struct buf b = { .head = NULL };
	const void *first;

	(void)state;
	append_pattern(&b, &pool, 0, 1);
	first = b.head;
	buf_done(&b, &pool);
	assert_int_equal(pool.n_free, 1);
	append_pattern(&b, &pool, 0, 1);
	assert_ptr_equal(b.head, first);
	assert_int_equal(pool.n_free, 0);
	check_pattern(&b, 0);
	drop(&b, &pool);
}

static void buf_pool__many_chunks_freed__keeps_a_bound(void **state)
{
	struct buf_pool pool = { .free = NULL };
	struct buf b = { .head = NULL };

	(void)state;
	append_pattern(&b, &pool, 0, 200 * BUF_CHUNK_LEN);
	assert_int_equal(pool.bytes_out, 200 * BUF_CHUNK_LEN);
	buf_done(&b, &pool);
	assert_int_equal(pool.bytes_out, 0);
	assert_in_range(pool.n_free, 1, 100);
	buf_pool_trim(&pool, 3);
	assert_int_equal(pool.n_free, 3);
	buf_pool_trim(&pool, 5);
	assert_int_equal(pool.n_free, 3);
	drop(&b, &pool);
}

static void buf_done__empty_queue__is_harmless(void **state)
{
	struct buf_pool pool = { .free = NULL };
	struct buf b = { .head = NULL };

	(void)state;
	buf_done(&b, &pool);
	assert_int_equal(buf_append(&b, &pool, "", 0), 0);
	assert_null(b.head);
	buf_done(&b, &pool);
	drop(&b, &pool);
}

/* Appends far more than the address space has left; the source is never read then. */
static void append_too_much(struct buf *b, struct buf_pool *pool)
{
	struct rlimit before, little;

	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	little = (struct rlimit){ 128 << 20, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
	assert_int_equal(buf_append(b, pool, "x", (size_t)1 << 30), -ENOMEM);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
}

static void buf_append__no_memory__changes_nothing(void **state)
{
	struct buf_pool pool = { .free = NULL };
	struct buf b = { .head = NULL };

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
	skip(); /* sanitizers need the address space that this takes away */
#endif
	append_too_much(&b, &pool);
	assert_null(b.head);
	assert_null(b.tail);
	append_pattern(&b, &pool, 0, 20000);
	append_too_much(&b, &pool);
	assert_int_equal(b.len, 20000);
	check_pattern(&b, 0);
	append_pattern(&b, &pool, 20000, 20000);
	check_pattern(&b, 0);
	drop(&b, &pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_append__sizes_around_a_chunk__keep_order),
		cmocka_unit_test(buf_consume__any_step__leaves_the_rest),
		cmocka_unit_test(buf_consume__mixed_with_append__keeps_order),
		cmocka_unit_test(buf_peek__fewer_slots_than_chunks__gives_the_front),
		cmocka_unit_test(buf_pool__freed_chunks__are_used_again),
		cmocka_unit_test(buf_pool__many_chunks_freed__keeps_a_bound),
		cmocka_unit_test(buf_done__empty_queue__is_harmless),
		cmocka_unit_test(buf_append__no_memory__changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
