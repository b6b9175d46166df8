// SPDX-License-Identifier: GPL-2.0-or-later
// Random numbers: ranges, no bias at the edges, replacement.
#include "base/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t *script;

static uint32_t scripted(void)
{
	return *script++;
}

static void rng_range__bounds__are_kept(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		assert_in_range(rng_range(10, 13), 10, 12);
		assert_int_equal(rng_range(7, 8), 7);
		assert_true(rng_range(1, UINT32_MAX) < UINT32_MAX);
	}
}

static void rng_range__empty_range__is_lo(void **state)
{
	(void)state;
	assert_int_equal(rng_range(5, 5), 5);
	assert_int_equal(rng_range(9, 5), 9);
	assert_int_equal(rng_range(UINT32_MAX, 0), UINT32_MAX);
}

static void rng_range__small_range__hits_every_value(void **state)
{
	unsigned seen[6] = { 0 };

	(void)state;
	for (int i = 0; i < 6000; i++)
		seen[rng_range(0, 6)]++;
	for (int i = 0; i < 6; i++)
		assert_in_range(seen[i], 700, 1300); /* 10 standard deviations */
}

static void rng_range__draw_that_would_bias__is_repeated(void **state)
{
	/* 2^32 mod 3 is 1: of all draws 0 alone is one too many */
	static const uint32_t draws[] = { 0, 0, 5, 1, UINT32_MAX };

	(void)state;
	script = draws;
	rng_replace(scripted);
	assert_int_equal(rng_range(10, 13), 12);
	assert_ptr_equal(script, draws + 3);
	assert_int_equal(rng_range(10, 13), 11);
	assert_int_equal(rng_range(0, 3), UINT32_MAX % 3);
	rng_replace(NULL);
}

static void rng_replace__null__gives_the_kernel_back(void **state)
{
	static const uint32_t draws[] = { 41, 42 };

	(void)state;
	script = draws;
	rng_replace(scripted);
	assert_int_equal(rng_range(0, 1u << 31), 41);
	rng_replace(NULL);
	for (int i = 0; i < 4; i++)
		rng_range(0, 1u << 31);
	assert_ptr_equal(script, draws + 1);
}

static void rng_bytes__two_calls__differ_and_stay_inside(void **state)
{
	uint8_t a[302], b[302];

	(void)state;
	memset(a, 0xa5, sizeof(a));
	memset(b, 0xa5, sizeof(b));
	rng_bytes(a + 1, 300);
	rng_bytes(b + 1, 300);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(a[0], 0xa5);
	assert_int_equal(a[301], 0xa5);
	rng_bytes(b, 0);
	assert_int_equal(b[0], 0xa5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rng_range__bounds__are_kept),
		cmocka_unit_test(rng_range__empty_range__is_lo),
		cmocka_unit_test(rng_range__small_range__hits_every_value),
		cmocka_unit_test(rng_range__draw_that_would_bias__is_repeated),
		cmocka_unit_test(rng_replace__null__gives_the_kernel_back),
		cmocka_unit_test(rng_bytes__two_calls__differ_and_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
