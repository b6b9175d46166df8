// SPDX-License-Identifier: GPL-2.0-or-later
// Settings texts: what peers send, in whatever order and with whatever flaws.
#include "proto/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <limits.h>

#include "hex.h"

#define MD5 "75cff2ad89aadf5e257059ee571ebe11"

static void check_found(const char *text, const char *key, const char *want)
{
	const char *value = NULL;

	assert_int_equal(settings_find(text, strlen(text), key, &value), strlen(want));
	assert_memory_equal(value, want, strlen(want));
	assert_true(value >= text && value + strlen(want) <= text + strlen(text));
}

static void check_missing(const char *text, const char *key)
{
	const char *value = "untouched";

	assert_int_equal(settings_find(text, strlen(text), key, &value), -ENOENT);
	assert_string_equal(value, "untouched");
}

static int version(const char *text)
{
	return settings_version(text, strlen(text));
}

static void settings_find__keys_in_any_order__are_found(void **state)
{
	static const char *const texts[] = {
		"v=2\nclient=example/1.0\npadding-md5=" MD5,
		"client=example/1.0\npadding-md5=" MD5 "\nv=2",
		"padding-md5=" MD5 "\nv=2\nclient=example/1.0\n",
		"x=y\nno equals sign\n\npadding-md5=" MD5 "\nv=2\nclient=example/1.0\n\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		check_found(texts[i], "v", "2");
		check_found(texts[i], "client", "example/1.0");
		check_found(texts[i], "padding-md5", MD5);
	}
}

static void settings_find__empty_value__has_length_zero(void **state)
{
	(void)state;
	check_found("v=2\nclient=\npadding-md5=", "client", "");
	check_found("v=2\nclient=\npadding-md5=", "padding-md5", "");
}

static void settings_find__repeated_key__last_counts(void **state)
{
	(void)state;
	check_found("v=1\nv=2\nclient=a\nv=3", "v", "3");
	check_found("v=1\nv=\n", "v", "");
}

static void settings_find__more_equals_signs__belong_to_value(void **state)
{
	(void)state;
	check_found("client=a=b=c", "client", "a=b=c");
	check_found("client==", "client", "=");
	check_found("=x\nv=2", "", "x");
}

static void settings_find__spaces_and_cr__are_kept(void **state)
{
	(void)state;
	check_found("v=2\r\nclient= a ", "v", "2\r");
	check_found("v=2\r\nclient= a ", "client", " a ");
	check_missing(" v=2", "v");
	check_missing("v =2", "v");
}

static void settings_find__other_keys__are_not_taken_for_it(void **state)
{
	(void)state;
	check_missing("", "v");
	check_missing("v", "v");
	check_missing("\n\n", "v");
	check_missing("V=2\nvv=2\nxv=2\nclient=v=2", "v");
	check_missing("pad=1\npadding-md5x=1", "padding-md5");
}

static void settings_find__no_text__is_missing(void **state)
{
	const char *value = NULL;

	(void)state;
	assert_int_equal(settings_find(NULL, 0, "v", &value), -ENOENT);
	assert_null(value);
}

static void settings_find__every_prefix__stays_inside(void **state)
{
	static const char text[] = "v=2\nclient=x\npadding-md5=y\n";
	const size_t key_end = sizeof(text) - 1 - strlen("y\n");
	const char *value;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = malloc(n + 1);
		ssize_t len;

		memcpy(copy, text, n);
		value = copy;
		len = settings_find(copy, n, "padding-md5", &value);
		assert_int_equal(len, n < key_end ? -ENOENT : n == key_end ? 0 : 1);
		free(copy);
	}
}

static void settings_version__numbers__are_read(void **state)
{
	(void)state;
	assert_int_equal(version("v=1"), 1);
	assert_int_equal(version("v=2"), 2);
	assert_int_equal(version("client=x\nv=2\n"), 2);
	assert_int_equal(version("v=+2"), 2);
	assert_int_equal(version("v=02"), 2);
	assert_int_equal(version("v=3"), 3);
	assert_int_equal(version("v=258"), 258);
	assert_int_equal(version("v=2147483647"), INT_MAX);
}

static void settings_version__no_usable_number__is_1(void **state)
{
	static const char *const texts[] = {
		"",	 "client=x", "v=",   "v=2\r",	 "v= 2", "v=two",
		"v=2.0", "v=0",	     "v=-2", "v=2\nv=x", "V=2",	 "v=99999999999999999999"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(version(texts[i]), 1);
}

static void settings_version__beyond_int__saturates(void **state)
{
	(void)state;
	assert_int_equal(version("v=2147483648"), INT_MAX);
	assert_int_equal(version("v=9223372036854775807"), INT_MAX);
}

/* The Settings frame of vector 5. */
static const char vector[] =
	"763d320a636c69656e743d6578616d706c652f312e300a70616464696e672d6d64353d37356366663261643"
	"83961616466356532353730353965653537316562653131";

static void settings_put__example__matches_vector(void **state)
{
	uint8_t want[HEX_MAX];
	char out[67];

	(void)state;
	assert_int_equal(hex_get(vector, want), sizeof(out));
	assert_int_equal(settings_put(out, sizeof(out), "example/1.0", MD5), sizeof(out));
	assert_memory_equal(out, want, sizeof(out));
}

static void settings_put__room_one_short__is_enospc(void **state)
{
	char out[67];

	(void)state;
	memset(out, '#', sizeof(out));
	for (size_t room = 0; room < sizeof(out); room++)
		assert_int_equal(settings_put(out, room, "example/1.0", MD5), -ENOSPC);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], '#');
}

static void settings_put__longer_than_a_frame__is_enospc(void **state)
{
	size_t fixed = strlen("v=2\nclient=\npadding-md5=" MD5);
	char *client = malloc(65536), *out = malloc(70000);

	(void)state;
	memset(client, 'x', 65536);
	client[65535 - fixed + 1] = '\0';
	assert_int_equal(settings_put(out, 70000, client, MD5), -ENOSPC);
	client[65535 - fixed] = '\0';
	assert_int_equal(settings_put(out, 70000, client, MD5), 65535);
	free(client);
	free(out);
}

static void settings_put__empty_client__reads_back(void **state)
{
	char out[100];
	ssize_t n = settings_put(out, sizeof(out), "", MD5);

	(void)state;
	assert_true(n > 0);
	out[n] = '\0';
	check_found(out, "client", "");
	check_found(out, "padding-md5", MD5);
	assert_int_equal(version(out), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_find__keys_in_any_order__are_found),
		cmocka_unit_test(settings_find__empty_value__has_length_zero),
		cmocka_unit_test(settings_find__repeated_key__last_counts),
		cmocka_unit_test(settings_find__more_equals_signs__belong_to_value),
		cmocka_unit_test(settings_find__spaces_and_cr__are_kept),
		cmocka_unit_test(settings_find__other_keys__are_not_taken_for_it),
		cmocka_unit_test(settings_find__no_text__is_missing),
		cmocka_unit_test(settings_find__every_prefix__stays_inside),
		cmocka_unit_test(settings_version__numbers__are_read),
		cmocka_unit_test(settings_version__no_usable_number__is_1),
		cmocka_unit_test(settings_version__beyond_int__saturates),
		cmocka_unit_test(settings_put__example__matches_vector),
		cmocka_unit_test(settings_put__room_one_short__is_enospc),
		cmocka_unit_test(settings_put__longer_than_a_frame__is_enospc),
		cmocka_unit_test(settings_put__empty_client__reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
