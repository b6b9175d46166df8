// SPDX-License-Identifier: GPL-2.0-or-later
// Decimal integers as Go reads them.
#include "proto/decimal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, int64_t *ret)
{
	return decimal_parse(text, strlen(text), ret);
}

static void decimal_parse__valid__gives_number(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "0", 0 },
		{ "8", 8 },
		{ "+8", 8 },
		{ "-8", -8 },
		{ "-0", 0 },
		{ "007", 7 },
		{ "00000000000000000000000000000000000012", 12 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
	};
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v = 99;
		assert_int_equal(parse(cases[i].text, &v), 0);
		assert_true(v == cases[i].want);
	}
}

static void decimal_parse__no_number__is_einval(void **state)
{
	static const char *const cases[] = {
		"",    "+",    "-",   "--1", "+-1", " 1", "1 ",
		"1\r", "0x10", "1_0", "1.0", "1e3", "a",  "99999999999999999999z"
	};
	int64_t v = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse(cases[i], &v), -EINVAL);
	assert_int_equal(v, 99);
}

static void decimal_parse__beyond_64_bits__is_erange(void **state)
{
	static const char *const cases[] = { "9223372036854775808", "-9223372036854775809",
					     "18446744073709551616", "100000000000000000000",
					     "-99999999999999999999999999" };
	int64_t v = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse(cases[i], &v), -ERANGE);
	assert_int_equal(v, 99);
}

static void decimal_parse__unterminated__reads_n_bytes(void **state)
{
	int64_t v;

	(void)state;
	assert_int_equal(decimal_parse("1234", 2, &v), 0);
	assert_true(v == 12);
	assert_int_equal(decimal_parse(NULL, 0, &v), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimal_parse__valid__gives_number),
		cmocka_unit_test(decimal_parse__no_number__is_einval),
		cmocka_unit_test(decimal_parse__beyond_64_bits__is_erange),
		cmocka_unit_test(decimal_parse__unterminated__reads_n_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
