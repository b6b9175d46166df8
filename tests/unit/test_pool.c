// SPDX-License-Identifier: GPL-2.0-or-later
// The idle pool: newest session first, and which ones a sweep closes.
#include "core/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES	   6
#define TIMEOUT_MS 30000

static struct pool pool;
static struct pool_entry entry[ENTRIES + 1]; /* entry[i] has number i */
static char closed[ENTRIES + 1];	     /* their numbers, in order */

static int set_up(void **state)
{
	(void)state;
	memset(entry, 0, sizeof(entry));
	memset(closed, 0, sizeof(closed));
	for (unsigned i = 0; i <= ENTRIES; i++)
		entry[i].seq = i;
	pool_init(&pool);
	return 0;
}

static void note_closed(struct pool_entry *e)
{
	closed[strlen(closed)] = (char)('0' + e->seq);
}

static void sweep(uint64_t now_ms, uint32_t min_idle, uint32_t elsewhere)
{
	memset(closed, 0, sizeof(closed));
	pool_sweep(&pool, now_ms, TIMEOUT_MS, min_idle, elsewhere, note_closed);
}

static void pool_take__empty__is_null(void **state)
{
	(void)state;
	assert_null(pool_take(&pool));
	assert_int_equal(pool.n_idle, 0);
}

static void pool_take__in_whatever_order_put__gives_the_newest(void **state)
{
	static const unsigned order[] = { 3, 1, 5, 2, 6, 4 };

	(void)state;
	for (unsigned i = 0; i < ENTRIES; i++)
		pool_put(&pool, &entry[order[i]], i);
	assert_int_equal(pool.n_idle, ENTRIES);
	for (unsigned i = ENTRIES; i > 0; i--)
		assert_ptr_equal(pool_take(&pool), &entry[i]);
	assert_null(pool_take(&pool));
	assert_int_equal(pool.n_idle, 0);
}

static void pool_take__put_back__is_found_in_its_place(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		pool_put(&pool, &entry[i], 0);
	assert_ptr_equal(pool_take(&pool), &entry[3]);
	assert_ptr_equal(pool_take(&pool), &entry[2]);
	pool_put(&pool, &entry[2], 5);
	pool_put(&pool, &entry[3], 4);
	assert_ptr_equal(pool_take(&pool), &entry[3]);
	assert_int_equal(pool.n_idle, 2);
}

static void pool_oldest__of_three__is_the_lowest_number_and_stays(void **state)
{
	(void)state;
	assert_null(pool_oldest(&pool));
	pool_put(&pool, &entry[2], 0);
	pool_put(&pool, &entry[1], 1);
	pool_put(&pool, &entry[3], 2);
	assert_ptr_equal(pool_oldest(&pool), &entry[1]);
	assert_int_equal(pool.n_idle, 3);
}

static void pool_remove__not_in_it__is_ignored(void **state)
{
	(void)state;
	pool_put(&pool, &entry[1], 0);
	pool_remove(&pool, &entry[2]); /* never was in it */
	assert_int_equal(pool.n_idle, 1);
	pool_remove(&pool, &entry[1]);
	pool_remove(&pool, &entry[1]);
	assert_int_equal(pool.n_idle, 0);
	assert_null(pool_take(&pool));
}

static void pool_put__again__restarts_the_clock(void **state)
{
	(void)state;
	pool_put(&pool, &entry[1], 0);
	entry[1].kept = true;
	pool_remove(&pool, &entry[1]);
	pool_put(&pool, &entry[1], TIMEOUT_MS);
	assert_false(entry[1].kept);
	sweep(2 * TIMEOUT_MS - 1, 0, 0);
	assert_string_equal(closed, "");
	sweep(2 * TIMEOUT_MS, 0, 0);
	assert_string_equal(closed, "1");
}

static void pool_sweep__no_minimum__closes_what_is_due_newest_first(void **state)
{
	(void)state;
	pool_put(&pool, &entry[1], 1000);
	pool_put(&pool, &entry[2], 1001);
	pool_put(&pool, &entry[3], 1000);
	sweep(1000 + TIMEOUT_MS - 1, 0, 0);
	assert_string_equal(closed, "");
	sweep(1000 + TIMEOUT_MS, 0, 0);
	assert_string_equal(closed, "31");
	assert_int_equal(pool.n_idle, 1);
	assert_ptr_equal(pool_take(&pool), &entry[2]);
}

static void pool_sweep__minimum__keeps_the_newest_and_restarts_them(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 4; i++)
		pool_put(&pool, &entry[i], 0);
	sweep(TIMEOUT_MS, 2, 0);
	assert_string_equal(closed, "21");
	assert_int_equal(pool.n_idle, 2);
	assert_true(entry[4].kept && entry[3].kept);
	assert_int_equal(entry[4].idle_since_ms, TIMEOUT_MS);
	sweep(2 * TIMEOUT_MS - 1, 0, 0);
	assert_string_equal(closed, "");
	sweep(2 * TIMEOUT_MS, 0, 0);
	assert_string_equal(closed, "43");
}

/* Scenario 58: three idle sessions and a minimum of one. */
static void pool_sweep__three_and_minimum_one__one_survives(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		pool_put(&pool, &entry[i], i);
	for (uint64_t t = 1; t <= 10; t++)
		sweep(t * 2 * TIMEOUT_MS, 1, 0);
	assert_int_equal(pool.n_idle, 1);
	assert_ptr_equal(pool_take(&pool), &entry[3]);
}

static void pool_sweep__fresh_sessions__count_for_the_minimum(void **state)
{
	(void)state;
	pool_put(&pool, &entry[1], 0);
	pool_put(&pool, &entry[2], 0);
	pool_put(&pool, &entry[3], TIMEOUT_MS);
	sweep(TIMEOUT_MS, 2, 0);
	assert_string_equal(closed, "1");
	assert_true(entry[2].kept);
	assert_false(entry[3].kept);
}

/* Walking from newest to oldest, a fresh old session is met too late to count for newer ones. */
static void pool_sweep__fresh_session_is_the_oldest__newer_ones_are_kept(void **state)
{
	(void)state;
	pool_put(&pool, &entry[1], TIMEOUT_MS);
	pool_put(&pool, &entry[2], 0);
	sweep(TIMEOUT_MS, 1, 0);
	assert_string_equal(closed, "");
	assert_int_equal(pool.n_idle, 2);
	assert_true(entry[2].kept);
}

static void pool_sweep__sessions_elsewhere__count_for_the_minimum(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		pool_put(&pool, &entry[i], 0);
	sweep(TIMEOUT_MS, 3, 2);
	assert_string_equal(closed, "21");
	assert_true(entry[3].kept);
	sweep(2 * TIMEOUT_MS, 3, 3);
	assert_string_equal(closed, "3");
	assert_int_equal(pool.n_idle, 0);
}

static void pool_sweep__nothing_idle__closes_nothing(void **state)
{
	(void)state;
	sweep(TIMEOUT_MS, 0, 0);
	assert_string_equal(closed, "");
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pool_take__empty__is_null),
		TEST(pool_take__in_whatever_order_put__gives_the_newest),
		TEST(pool_take__put_back__is_found_in_its_place),
		TEST(pool_oldest__of_three__is_the_lowest_number_and_stays),
		TEST(pool_remove__not_in_it__is_ignored),
		TEST(pool_put__again__restarts_the_clock),
		TEST(pool_sweep__no_minimum__closes_what_is_due_newest_first),
		TEST(pool_sweep__minimum__keeps_the_newest_and_restarts_them),
		TEST(pool_sweep__three_and_minimum_one__one_survives),
		TEST(pool_sweep__fresh_sessions__count_for_the_minimum),
		TEST(pool_sweep__fresh_session_is_the_oldest__newer_ones_are_kept),
		TEST(pool_sweep__sessions_elsewhere__count_for_the_minimum),
		TEST(pool_sweep__nothing_idle__closes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
