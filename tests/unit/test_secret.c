// SPDX-License-Identifier: GPL-2.0-or-later
// Memory for secrets: zeroed, wiped, compared to the last byte.
#include "base/secret.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdint.h>

static void secret_alloc__new_memory__is_zero_and_writable(void **state)
{
	static const uint8_t zeros[5000];
	uint8_t *p = secret_alloc(sizeof(zeros));

	(void)state;
	assert_non_null(p);
	assert_memory_equal(p, zeros, sizeof(zeros));
	memset(p, 0xee, sizeof(zeros));
	assert_int_equal(p[4999], 0xee);
	secret_free(p, sizeof(zeros));
}

static void secret_alloc__impossible_size__is_null(void **state)
{
	(void)state;
	assert_null(secret_alloc(SIZE_MAX / 2));
}

static void secret_free__null__is_ignored(void **state)
{
	(void)state;
	secret_free(NULL, 100);
}

static void secret_wipe__part__leaves_the_rest(void **state)
{
	uint8_t p[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t want[8] = { 1, 2, 0, 0, 0, 6, 7, 8 };

	(void)state;
	secret_wipe(p + 2, 3);
	assert_memory_equal(p, want, sizeof(want));
}

static void secret_equal__one_bit_anywhere__differs(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	memset(a, 0x5a, sizeof(a));
	memset(b, 0x5a, sizeof(b));
	assert_true(secret_equal(a, b, sizeof(a)));
	for (size_t bit = 0; bit < 256; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(secret_equal(a, b, sizeof(a)));
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void secret_equal__bytes_beyond_n__do_not_count(void **state)
{
	(void)state;
	assert_true(secret_equal("abcX", "abcY", 3));
	assert_true(secret_equal("a", "b", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_alloc__new_memory__is_zero_and_writable),
		cmocka_unit_test(secret_alloc__impossible_size__is_null),
		cmocka_unit_test(secret_free__null__is_ignored),
		cmocka_unit_test(secret_wipe__part__leaves_the_rest),
		cmocka_unit_test(secret_equal__one_bit_anywhere__differs),
		cmocka_unit_test(secret_equal__bytes_beyond_n__do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
