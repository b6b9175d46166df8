// SPDX-License-Identifier: GPL-2.0-or-later
// The object "state": defaults, values, and what is wrong.
#include "app/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* NULL where it is refused; *ret_report is to be freed. */
static struct config *read_text(const char *text, char **ret_report)
{
	struct config *c = NULL;
	size_t n;
	FILE *f = open_memstream(ret_report, &n);

	config_parse(text, strlen(text), "t", f, &c);
	fclose(f);
	return c;
}

static void config_state__absent__has_defaults(void **state)
{
	char *report;
	struct config *c = read_text("{}", &report);

	(void)state;
	assert_true(c->state.enabled);
	assert_null(c->state.name);
	assert_null(c->state.directory);
	assert_int_equal(c->state.sessions, 4096);
	assert_int_equal(c->state.streams, 8192);
	assert_int_equal(c->state.backing, STATE_BACKING_NONE);
	config_free(c);
	free(report);
}

static void config_state__all_keys__are_taken(void **state)
{
	char *report;
	struct config *c = read_text("{\"state\":{\"enabled\":false,\"name\":\"a.b_c-1\","
				     "\"sessions\":1,\"streams\":1048576,\"backing\":\"bpf\","
				     "\"directory\":\"/run/x\"}}",
				     &report);

	(void)state;
	assert_false(c->state.enabled);
	assert_string_equal(c->state.name, "a.b_c-1");
	assert_string_equal(c->state.directory, "/run/x");
	assert_int_equal(c->state.sessions, 1);
	assert_int_equal(c->state.streams, 1048576);
	assert_int_equal(c->state.backing, STATE_BACKING_BPF);
	config_free(c);
	free(report);
}

static void config_state__wrong__is_told(void **state)
{
	static const struct {
		const char *member, *report;
	} cases[] = {
		{ "\"name\":\"\"", "state.name: must not be empty" },
		{ "\"name\":\"a/b\"", "state.name: must have letters" },
		{ "\"name\":\"..\"", "state.name: must have letters" },
		{ "\"name\":\"\\u0007\"", "state.name: must have letters" },
		{ "\"name\":\"abcdefghijklmnopqrstuvwxyz1234567\"",
		  "state.name: must have 1 to 32" },
		{ "\"sessions\":0", "state.sessions: must be from 1" },
		{ "\"streams\":1048577", "state.streams: must be from 1" },
		{ "\"backing\":\"shm\"", "state.backing: must be \"auto\", \"bpf\" or \"file\"" },
		{ "\"backing\":1", "state.backing: must be a string" },
		{ "\"directory\":\"\"", "state.directory: must not be empty" },
		{ "\"dir\":\"x\"", "state.dir: " },
	};
	char text[200], *report;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "{\"state\":{%s}}", cases[i].member);
		assert_null(read_text(text, &report));
		if (!strstr(report, cases[i].report))
			fail_msg("%s: %s", cases[i].member, report);
		free(report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_state__absent__has_defaults),
		cmocka_unit_test(config_state__all_keys__are_taken),
		cmocka_unit_test(config_state__wrong__is_told),
	};

	return cmocka_run_group_tests_name("config state", tests, NULL, NULL);
}
