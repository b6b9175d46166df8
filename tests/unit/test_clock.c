// SPDX-License-Identifier: GPL-2.0-or-later
// The clock: real time moves on, frozen time stands still.
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void clock_now_ms__real__does_not_go_back(void **state)
{
	uint64_t before = clock_now_ms();

	(void)state;
	assert_true(before > 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_now_ms();

		assert_true(now >= before);
		before = now;
	}
}

static void clock_freeze_ms__time__is_what_was_set_until_released(void **state)
{
	uint64_t real = clock_now_ms();

	(void)state;
	clock_freeze_ms(42);
	assert_int_equal(clock_now_ms(), 42);
	clock_freeze_ms(UINT64_MAX);
	assert_true(clock_now_ms() == UINT64_MAX);
	clock_freeze_ms(0);
	assert_true(clock_now_ms() >= real);
	assert_true(clock_now_ms() < real + 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_now_ms__real__does_not_go_back),
		cmocka_unit_test(clock_freeze_ms__time__is_what_was_set_until_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
