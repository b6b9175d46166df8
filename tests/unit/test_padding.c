// SPDX-License-Identifier: GPL-2.0-or-later
// Padding schemes: reading them as Go does, the worked examples, and what our own must not say.
#include "proto/padding.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "base/rng.h"
#include "hex.h"

static struct padding scheme(const char *text)
{
	struct padding s;

	assert_int_equal(padding_parse(text, strlen(text), &s), 0);
	return s;
}

/* The items of a packet as text: "lo-hi" or "c", separated by spaces. */
static const char *items(const char *text, uint32_t packet, char out[static 256])
{
	struct padding s = scheme(text);
	struct padding_iter it = padding_items(&s, packet);
	struct padding_item item;
	size_t used = 0;

	out[0] = '\0';
	while (padding_next(&it, &item)) {
		if (used > 0)
			out[used++] = ' ';
		used += (size_t)(item.check ? sprintf(out + used, "c")
					    : sprintf(out + used, "%u-%u", item.lo, item.hi));
	}
	return out;
}

static void check_md5(const char *text, size_t n, const char *want)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char hex[2 * HEX_MAX + 1];

	assert_int_equal(EVP_Digest(text, n, md, &len, EVP_md5(), NULL), 1);
	assert_string_equal(hex_put(md, len, hex), want);
}

static void padding_default__text__has_known_digests(void **state)
{
	char crlf[256];
	size_t n = 0, len = strlen(padding_default);

	(void)state;
	assert_int_equal(len, 137);
	check_md5(padding_default, len, "75cff2ad89aadf5e257059ee571ebe11");
	for (size_t i = 0; i < len; i++) {
		if (padding_default[i] == '\n')
			crlf[n++] = '\r';
		crlf[n++] = padding_default[i];
	}
	check_md5(crlf, n, "a69593fd5d9cff83000268944275e037");
	n = (size_t)snprintf(crlf, sizeof(crlf), "%s\n", padding_default);
	check_md5(crlf, n, "305fc37916c150b282ecb61e9ee141d7");
}

static void padding_default__items__are_those_of_the_notes(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(scheme(padding_default).stop, 8);
	assert_string_equal(items(padding_default, 0, out), "30-30");
	assert_string_equal(items(padding_default, 1, out), "100-400");
	assert_string_equal(items(padding_default, 2, out),
			    "400-500 c 500-1000 c 500-1000 c 500-1000 c 500-1000");
	assert_string_equal(items(padding_default, 3, out), "9-9 500-1000");
	assert_string_equal(items(padding_default, 7, out), "500-1000");
	assert_string_equal(items(padding_default, 8, out), "");
}

static void padding_parse__stop__is_read(void **state)
{
	(void)state;
	assert_int_equal(scheme("stop=8").stop, 8);
	assert_int_equal(scheme("stop=0").stop, 0);
	assert_int_equal(scheme("stop=+8").stop, 8);
	assert_int_equal(scheme("stop=-0").stop, 0);
	assert_int_equal(scheme("stop=08\n").stop, 8);
	assert_int_equal(scheme("stop=3\nstop=5").stop, 5);
	assert_int_equal(scheme("stop=x\nstop=5").stop, 5);
	assert_int_equal(scheme("no equals\n\n7=a\nstop=4294967295").stop, UINT32_MAX);
	assert_int_equal(scheme("stop=4294967296").stop, UINT32_MAX);
	assert_int_equal(scheme("stop=9223372036854775807").stop, UINT32_MAX);
}

static void padding_parse__unusable__is_einval(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"stop",
		"stop=",
		"stop=x",
		"stop=8\r\n0=30-30\r\n",
		"stop= 8",
		"stop=-1",
		"stop=8.0",
		"0=30-30\n1=100-400",
		"Stop=8",
		" stop=8",
		"stop=9223372036854775808",
		"stop=5\nstop=x",
		"0:100\n200:500",
	};
	struct padding s = { .stop = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(padding_parse(texts[i], strlen(texts[i]), &s), -EINVAL);
	assert_int_equal(s.stop, 99);
	assert_null(s.text);
}

static void padding_parse__length__ends_at_65535(void **state)
{
	char *text = malloc(65536);
	struct padding s;

	(void)state;
	memset(text, 'x', 65536);
	memcpy(text, "stop=2\n", 7);
	assert_int_equal(padding_parse(text, 65535, &s), 0);
	assert_int_equal(padding_parse(text, 65536, &s), -EINVAL);
	free(text);
}

static void padding_next__unusable_items__are_skipped_one_by_one(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{ "", "" },
		{ ",", "" },
		{ ",,5-6,,", "5-6" },
		{ "100", "" },
		{ "100,5-6", "5-6" },
		{ "c", "c" },
		{ "C,cc,c ,c", "c" },
		{ " 5-6,5 -6,5- 6,5-6 ,7-8", "7-8" },
		{ "0-5,5-0,0-0,1-1", "1-1" },
		{ "-5-6,5--6,--5,-,5-,-5,1-2", "1-2" },
		{ "1-2-3,4-5", "4-5" },
		{ "5-6\r", "" },
		{ "5-6\r,7-8\r", "" },
		{ "900-400", "400-900" },
		{ "400-400", "400-400" },
		{ "+5-+6", "5-6" },
		{ "005-006", "5-6" },
		{ "0x5-6,5_0-60,1e3-5,2-3", "2-3" },
		{ "1-65536,70000-80000", "1-65536 70000-80000" },
		{ "1-4294967296", "1-4294967295" },
		{ "9223372036854775807-1", "1-4294967295" },
		{ "9223372036854775808-1,1-9223372036854775808,3-4", "3-4" },
		{ "5-6=7,8-9", "8-9" },
	};
	char text[256], out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "stop=4\n2=%s\n3=1-1", cases[i].value);
		assert_string_equal(items(text, 2, out), cases[i].want);
	}
}

static void padding_items__repeated_key__last_counts(void **state)
{
	char out[256];

	(void)state;
	assert_string_equal(items("stop=4\n1=1-2,3-4\n1=5-6", 1, out), "5-6");
	assert_string_equal(items("1=1-2\nstop=4\n1=\n", 1, out), "");
}

static void padding_items__key__is_canonical(void **state)
{
	char out[256];

	(void)state;
	assert_string_equal(items("stop=4\n01=1-2\n+1=1-2\n 1=1-2\n1 =1-2\n11=1-2", 1, out), "");
	assert_string_equal(items("stop=4\n-0=1-2\n0=3-4", 0, out), "3-4");
	assert_string_equal(items("stop=4\n4294967295=1-2", UINT32_MAX, out), "1-2");
}

static void padding_items__beyond_stop__are_still_found(void **state)
{
	char out[256];

	(void)state;
	assert_string_equal(items("stop=0\n0=12-12\n5=1-2", 0, out), "12-12");
	assert_string_equal(items("stop=0\n0=12-12\n5=1-2", 5, out), "1-2");
}

static void padding_next__after_the_end__stays_false(void **state)
{
	struct padding s = scheme("stop=2\n1=c");
	struct padding_iter it = padding_items(&s, 1);
	struct padding_item item = { .lo = 7 };

	(void)state;
	assert_true(padding_next(&it, &item));
	assert_false(padding_next(&it, &item));
	item.lo = 7;
	assert_false(padding_next(&it, &item));
	assert_int_equal(item.lo, 7);
}

static uint32_t draw_high(void)
{
	return UINT32_MAX;
}

static void padding_preamble__first_item__gives_length(void **state)
{
	static const struct {
		const char *text;
		uint16_t max, want;
	} cases[] = {
		{ "stop=8\n0=30-30", 4062, 30 },
		{ "stop=0\n0=30-30", 4062, 30 },
		{ "stop=8", 4062, 0 },
		{ "stop=8\n0=", 4062, 0 },
		{ "stop=8\n0=c,30-30", 4062, 0 },
		{ "stop=8\n0=x,0-9,30-30,c", 4062, 30 },
		{ "stop=8\n0=30-30", 29, 29 },
		{ "stop=8\n0=40000-40000", 4062, 4062 },
		{ "stop=8\n0=99999999-99999999", 65535, 65535 },
		{ "stop=8\n0=65535-65535", 65535, 65535 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct padding s = scheme(cases[i].text);

		assert_int_equal(padding_preamble(&s, cases[i].max), cases[i].want);
	}
}

static void padding_preamble__range__never_draws_the_upper_bound(void **state)
{
	struct padding s = scheme("stop=8\n0=12-10");
	unsigned seen[16] = { 0 };

	(void)state;
	for (int i = 0; i < 200; i++)
		seen[padding_preamble(&s, 15)]++;
	assert_true(seen[10] > 0);
	assert_true(seen[11] > 0);
	assert_int_equal(seen[10] + seen[11], 200);
	rng_replace(draw_high);
	s = scheme("stop=8\n0=34-120");
	assert_in_range(padding_preamble(&s, 4062), 34, 119);
	rng_replace(NULL);
}

static void padding_lint__good_schemes__pass(void **state)
{
	static const char *const texts[] = {
		"stop=0",
		"stop=2\n0=1-100\n1=200-500",
		"stop=2\n0=1-100\n1=200-500\n",
		"stop=2\n1=c,c,1-1",
		"stop=4\n0=64-64\n1=200-200\n2=300-300,c,400-400\n3=9-9,50-50",
		"stop=2\n1=900-400",
		"stop=2\n1=65535-65535\n0=16350-16350",
		"1=1-2\nstop=2",
	};
	unsigned line = 99;

	(void)state;
	assert_null(padding_lint(padding_default, strlen(padding_default), &line));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_null(padding_lint(texts[i], strlen(texts[i]), &line));
	assert_int_equal(line, 99);
}

static void padding_lint__flaws__name_the_line(void **state)
{
	static const struct {
		const char *text, *why;
		unsigned line;
	} cases[] = {
		{ "", "missing", 1 },
		{ "0=30-30\n1=1-2", "missing", 2 },
		{ "0=30-30\n1=1-2\n", "missing", 2 },
		{ "stop=8\r\n0=30-30\r\n", "carriage", 1 },
		{ "stop=8\n0=30-30\r", "carriage", 2 },
		{ "stop=8\n\n0=30-30", "key=value", 2 },
		{ "stop=8\n0:100", "key=value", 2 },
		{ "0:100\n200:500", "key=value", 1 },
		{ "stop=-1", "stop", 1 },
		{ "stop=+8", "stop", 1 },
		{ "stop=", "stop", 1 },
		{ "stop=4294967296", "stop", 1 },
		{ "stop=8\nfoo=1-2", "key", 2 },
		{ "stop=8\n=1-2", "key", 2 },
		{ "stop=8\n01=1-2", "key", 2 },
		{ "stop=8\n-1=1-2", "key", 2 },
		{ "stop=8\n 1=1-2", "key", 2 },
		{ "stop=8\n4294967296=1-2", "key", 2 },
		{ "stop=8\n1=", "item", 2 },
		{ "stop=8\n1=100", "item", 2 },
		{ "stop=8\n1=1-2,", "item", 2 },
		{ "stop=8\n1=1-2, c", "item", 2 },
		{ "stop=8\n1=1-2-3", "item", 2 },
		{ "stop=8\n1=+1-2", "item", 2 },
		{ "stop=8\n1=01-2", "item", 2 },
		{ "stop=8\n1=-2", "item", 2 },
		{ "stop=8\n1=2-", "item", 2 },
		{ "stop=8\n1=0-100", "0 is skipped", 2 },
		{ "stop=8\n1=1-2\n2=5-65536", "65535", 3 },
		{ "stop=8\n1=65536-5", "65535", 2 },
		{ "stop=8\n0=900-16351", "16350", 2 },
		{ "stop=8\n0=c,1-2", "check", 2 },
	};
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = padding_lint(cases[i].text, strlen(cases[i].text), &line);

		assert_non_null(why);
		assert_non_null(strstr(why, cases[i].why));
		assert_int_equal(line, cases[i].line);
	}
}

static void padding_lint__too_long__is_refused(void **state)
{
	char *text = malloc(65536);
	unsigned line = 0;
	size_t n = 7;

	(void)state;
	memcpy(text, "stop=2\n", n);
	while (n + 6 <= 65536) {
		memcpy(text + n, "1=1-2\n", 6);
		n += 6;
	}
	assert_null(padding_lint(text, n, &line));
	memset(text + n, '\n', 65536 - n);
	assert_non_null(strstr(padding_lint(text, 65536, &line), "longer"));
	assert_int_equal(line, 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_default__text__has_known_digests),
		cmocka_unit_test(padding_default__items__are_those_of_the_notes),
		cmocka_unit_test(padding_parse__stop__is_read),
		cmocka_unit_test(padding_parse__unusable__is_einval),
		cmocka_unit_test(padding_parse__length__ends_at_65535),
		cmocka_unit_test(padding_next__unusable_items__are_skipped_one_by_one),
		cmocka_unit_test(padding_items__repeated_key__last_counts),
		cmocka_unit_test(padding_items__key__is_canonical),
		cmocka_unit_test(padding_items__beyond_stop__are_still_found),
		cmocka_unit_test(padding_next__after_the_end__stays_false),
		cmocka_unit_test(padding_preamble__first_item__gives_length),
		cmocka_unit_test(padding_preamble__range__never_draws_the_upper_bound),
		cmocka_unit_test(padding_lint__good_schemes__pass),
		cmocka_unit_test(padding_lint__flaws__name_the_line),
		cmocka_unit_test(padding_lint__too_long__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
