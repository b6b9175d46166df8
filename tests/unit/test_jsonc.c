// SPDX-License-Identifier: GPL-2.0-or-later
// Comments and trailing commas disappear, and nothing moves.
#include "app/jsonc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void jsonc_blank__table__leaves_json_in_its_place(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "", "" },
		{ "{}", "{}" },
		{ "// x\n1", "    \n1" },
		{ "# x\n1", "   \n1" },
		{ "/* a\nb */1", "    \n    1" },
		{ "/**/1", "    1" },
		{ "/***/1", "     1" },
		{ "1// end", "1      " },
		{ "1#", "1 " },
		{ "[1,]", "[1 ]" },
		{ "[1 , \n ]", "[1   \n ]" },
		{ "{\"a\":1,}", "{\"a\":1 }" },
		{ "[1, // x\n]", "[1      \n]" },
		{ "[[1,],]", "[[1 ] ]" },
		{ "[1,2]", "[1,2]" },
		/* what stays wrong, for the parser to see */
		{ "[,]", "[,]" },
		{ "[1,,]", "[1,,]" },
		{ "{,}", "{,}" },
		{ "[1},", "[1}," },
		{ "1 / 2", "1 / 2" },
		/* strings */
		{ "\"// # /* , ]\"", "\"// # /* , ]\"" },
		{ "[\"a\\\"//\",]", "[\"a\\\"//\" ]" },
		{ "\"\\\\\"//x", "\"\\\\\"   " },
		{ "\"http://x\"", "\"http://x\"" },
		{ "[\"]\",\"}\"]", "[\"]\",\"}\"]" },
		{ "\xef\xbb\xbf{}", "   {}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct jsonc_error e = { 0 };
		char text[64];

		strcpy(text, cases[i].from);
		assert_int_equal(jsonc_blank(text, strlen(text), &e), 0);
		assert_string_equal(text, cases[i].to);
	}
}

static void jsonc_blank__table__says_where_it_ends_too_early(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *what;
	} cases[] = {
		{ "[\"abc", 1, "string" },
		{ "[\"abc\n\"]", 1, "string" },
		{ "[\"abc\\", 1, "string" },
		{ "1 /* x", 2, "comment" },
		{ "/*/", 0, "comment" },
		{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 32, "deep" },
		{ "[[[[[[[[[[[[[[[[{{{{{{{{{{{{{{{{{", 32, "deep" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct jsonc_error e = { 0 };
		char text[64];

		strcpy(text, cases[i].text);
		assert_int_equal(jsonc_blank(text, strlen(text), &e), -EINVAL);
		assert_int_equal(e.at, cases[i].at);
		assert_non_null(strstr(e.what, cases[i].what));
	}
}

static void jsonc_blank__deepest_allowed_and_side_by_side__passes(void **state)
{
	char text[200] = "";
	struct jsonc_error e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		strcat(text, i ? "," : "[");
		for (int k = 1; k < JSONC_DEPTH_MAX; k++)
			strcat(text, "[");
		for (int k = 1; k < JSONC_DEPTH_MAX; k++)
			strcat(text, "]");
	}
	strcat(text, "]");
	assert_int_equal(jsonc_blank(text, strlen(text), &e), 0);
}

static void jsonc_blank__not_terminated__stays_inside(void **state)
{
	char text[] = { '/', '*', '"', '\0' };
	struct jsonc_error e;

	(void)state;
	assert_int_equal(jsonc_blank(text, 1, &e), 0);
	assert_int_equal(jsonc_blank(text, 2, &e), -EINVAL);
	assert_int_equal(jsonc_blank(text + 2, 1, &e), -EINVAL);
	assert_int_equal(e.at, 0);
	assert_int_equal(jsonc_blank(text + 3, 1, &e), -EINVAL);
}

static void jsonc_place__table__counts_lines_and_characters(void **state)
{
	static const char text[] = "ab\n\xc3\xa9x\n";
	static const struct {
		size_t at;
		unsigned line, column;
	} cases[] = { { 0, 1, 1 }, { 1, 1, 2 }, { 2, 1, 3 }, { 3, 2, 1 },
		      { 5, 2, 2 }, { 6, 2, 3 }, { 7, 3, 1 }, { 99, 3, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct jsonc_place p = jsonc_place(text, sizeof(text) - 1, cases[i].at);

		assert_int_equal(p.line, cases[i].line);
		assert_int_equal(p.column, cases[i].column);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jsonc_blank__table__leaves_json_in_its_place),
		cmocka_unit_test(jsonc_blank__table__says_where_it_ends_too_early),
		cmocka_unit_test(jsonc_blank__deepest_allowed_and_side_by_side__passes),
		cmocka_unit_test(jsonc_blank__not_terminated__stays_inside),
		cmocka_unit_test(jsonc_place__table__counts_lines_and_characters),
	};

	return cmocka_run_group_tests_name("jsonc", tests, NULL, NULL);
}
