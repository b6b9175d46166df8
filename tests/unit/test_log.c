// SPDX-License-Identifier: GPL-2.0-or-later
// Log lines: layout, escaping of hostile text, cutting, limits.
#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static int fds[2];

static void set_log(enum log_level level, bool json, bool timestamp)
{
	const struct log_options opts = {
		.level = level, .json = json, .timestamp = timestamp, .fd = fds[1]
	};

	log_setup(&opts);
}

static int open_pipe(void **state)
{
	(void)state;
	return pipe(fds);
}

static int close_pipe(void **state)
{
	const struct log_options opts = { .level = LOG_LEVEL_WARN, .timestamp = true, .fd = 2 };

	(void)state;
	log_setup(&opts);
	close(fds[0]);
	return close(fds[1]);
}

/* What was written since, "" for nothing; an end mark keeps the read from blocking. */
static const char *written(char out[static 16384])
{
	ssize_t n;

	assert_int_equal(write(fds[1], "", 1), 1);
	n = read(fds[0], out, 16384);
	assert_true(n > 0 && out[n - 1] == '\0');
	return out;
}

static void log_write__text__has_level_tag_and_message(void **state)
{
	char out[16384];

	(void)state;
	set_log(LOG_LEVEL_DEBUG, false, false);
	log_error("s12/3", "code %d", 7);
	assert_string_equal(written(out), "error [s12/3] code 7\n");
	log_warn(NULL, "plain");
	assert_string_equal(written(out), "warn  plain\n");
	log_info("a", "i");
	assert_string_equal(written(out), "info  [a] i\n");
	log_debug("a", "d");
	assert_string_equal(written(out), "debug [a] d\n");
}

static void log_write__json__is_one_object_a_line(void **state)
{
	char out[16384];

	(void)state;
	set_log(LOG_LEVEL_INFO, true, false);
	log_info("s1", "say \"hi\" \\ %s", "there");
	assert_string_equal(
		written(out),
		"{\"level\":\"info\",\"tag\":\"s1\",\"message\":\"say \\\"hi\\\" \\\\ there\"}\n");
	log_info(NULL, "x");
	assert_string_equal(written(out), "{\"level\":\"info\",\"message\":\"x\"}\n");
}

static void log_write__timestamp__is_utc_with_milliseconds(void **state)
{
	char out[16384], sign;
	int parts[7], used = 0;

	(void)state;
	set_log(LOG_LEVEL_INFO, false, true);
	log_info(NULL, "x");
	assert_int_equal(sscanf(written(out), "%4d-%2d-%2dT%2d:%2d:%2d.%3d%c%n", parts, parts + 1,
				parts + 2, parts + 3, parts + 4, parts + 5, parts + 6, &sign,
				&used),
			 8);
	assert_int_equal(sign, 'Z');
	assert_string_equal(out + used, " info  x\n");
	set_log(LOG_LEVEL_INFO, true, true);
	log_info(NULL, "x");
	assert_int_equal(strncmp(written(out), "{\"time\":\"2", 10), 0);
	assert_non_null(strstr(out, "Z\",\"level\":\"info\",\"message\":\"x\"}\n"));
}

static void log_at__levels_above_the_limit__are_silent(void **state)
{
	char out[16384];

	(void)state;
	set_log(LOG_LEVEL_ERROR, false, false);
	log_warn(NULL, "w");
	log_info(NULL, "i");
	log_debug(NULL, "d");
	assert_string_equal(written(out), "");
	log_error(NULL, "e");
	assert_string_equal(written(out), "error e\n");
}

static const struct {
	const char *in, *text, *json;
} hostile[] = {
	{ "a\nerror [x] forged", "a\\x0aerror [x] forged", "a\\u000aerror [x] forged" },
	{ "\x1b[31mred\x7f\r\t", "\\x1b[31mred\\x7f\\x0d\\x09",
	  "\\u001b[31mred\\u007f\\u000d\\u0009" },
	{ "back\\slash", "back\\\\slash", "back\\\\slash" },
	{ "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x87\xa9", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x87\xa9",
	  "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x87\xa9" },
	{ "\xff\xc3", "\\xff\\xc3", "\\u00ff\\u00c3" }, /* no UTF-8; cut sequence */
	{ "\xc0\xaf", "\\xc0\\xaf", "\\u00c0\\u00af" }, /* over-long */
	{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf", "\\u00e0\\u0080\\u00af" },
	{ "\xc2\x9b", "\\xc2\\x9b", "\\u00c2\\u009b" },			/* C1 control */
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80", "\\u00ed\\u00a0\\u0080" }, /* surrogate */
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\u00f4\\u0090\\u0080\\u0080" },
};

static void log_write__hostile_text__is_escaped(void **state)
{
	char out[16384], want[512];

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		set_log(LOG_LEVEL_INFO, false, false);
		log_info(NULL, "%s", hostile[i].in);
		snprintf(want, sizeof(want), "info  %s\n", hostile[i].text);
		assert_string_equal(written(out), want);
		set_log(LOG_LEVEL_INFO, true, false);
		log_info(NULL, "%s", hostile[i].in);
		snprintf(want, sizeof(want), "{\"level\":\"info\",\"message\":\"%s\"}\n",
			 hostile[i].json);
		assert_string_equal(written(out), want);
	}
}

static void log_write__long_text__is_cut_at_1000(void **state)
{
	char in[3000], out[16384];

	(void)state;
	memset(in, '\n', sizeof(in) - 1);
	in[sizeof(in) - 1] = '\0';
	set_log(LOG_LEVEL_INFO, true, false);
	log_info(NULL, "%s", in);
	assert_int_equal(strlen(written(out)),
			 strlen("{\"level\":\"info\",\"message\":\"\"}\n") + 6 * 1000);
	set_log(LOG_LEVEL_INFO, false, false);
	log_info(NULL, "%s", in);
	assert_int_equal(strlen(written(out)), strlen("info  \n") + 4 * 1000);
}

static void log_write__long_tag__is_cut_at_60(void **state)
{
	char tag[200], out[16384];

	(void)state;
	memset(tag, 't', sizeof(tag) - 1);
	tag[sizeof(tag) - 1] = '\0';
	set_log(LOG_LEVEL_INFO, false, false);
	log_info(tag, "x");
	assert_int_equal(strlen(written(out)), strlen("info  [] x\n") + 60);
	set_log(LOG_LEVEL_INFO, true, false);
	log_info(tag, "x");
	assert_int_equal(strlen(written(out)),
			 strlen("{\"level\":\"info\",\"tag\":\"\",\"message\":\"x\"}\n") + 60);
}

static void log_allowed__more_than_the_rate__is_suppressed_until_the_next_second(void **state)
{
	struct log_limit l = { .count = 0 };

	(void)state;
	clock_freeze_ms(50000);
	for (int i = 0; i < 3; i++)
		assert_true(log_allowed(&l, 3));
	for (int i = 0; i < 5; i++)
		assert_false(log_allowed(&l, 3));
	assert_int_equal(l.suppressed, 5);
	clock_freeze_ms(50999);
	assert_false(log_allowed(&l, 3));
	clock_freeze_ms(51000);
	assert_true(log_allowed(&l, 3));
	clock_freeze_ms(0);
}

#define log_test(f) cmocka_unit_test_setup_teardown(f, open_pipe, close_pipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_test(log_write__text__has_level_tag_and_message),
		log_test(log_write__json__is_one_object_a_line),
		log_test(log_write__timestamp__is_utc_with_milliseconds),
		log_test(log_at__levels_above_the_limit__are_silent),
		log_test(log_write__hostile_text__is_escaped),
		log_test(log_write__long_text__is_cut_at_1000),
		log_test(log_write__long_tag__is_cut_at_60),
		cmocka_unit_test(
			log_allowed__more_than_the_rate__is_suppressed_until_the_next_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
