// SPDX-License-Identifier: GPL-2.0-or-later
// Shared schemes: md5 of the raw text, references, the slot.
#include "app/scheme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

static struct scheme *made(const char *text)
{
	struct scheme *s = NULL;

	assert_int_equal(scheme_new(text, strlen(text), &s), 0);
	assert_non_null(s);
	return s;
}

static void check_md5(const char *text, const char *want)
{
	struct scheme *s = made(text);

	assert_string_equal(s->md5, want);
	assert_int_equal(s->padding.len, strlen(text));
	assert_memory_equal(s->padding.text, text, strlen(text));
	assert_null(scheme_unref(s));
}

static void scheme_new__md5__is_of_the_raw_bytes(void **state)
{
	char with_lf[200];

	(void)state;
	assert_int_equal(strlen(padding_default), 137);
	check_md5(padding_default, "75cff2ad89aadf5e257059ee571ebe11");
	strcpy(with_lf, padding_default);
	strcat(with_lf, "\n");
	check_md5(with_lf, "305fc37916c150b282ecb61e9ee141d7");
	check_md5("stop=0", "47edb1f4ed8a99480bf416d178311f10");
	check_md5("stop=0\n", "dda34b9d9b470e6259f75776159e605b");
}

static void scheme_new__invalid__is_einval(void **state)
{
	static const char *const bad[] = { "", "0=30-30", "stop=8\r\n0=1-1", "stop=-1", "0:100" };
	struct scheme *s = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(scheme_new(bad[i], strlen(bad[i]), &s), -EINVAL);
	assert_null(s);
}

static void scheme_new__the_callers_text__is_copied(void **state)
{
	char text[] = "stop=4\n1=9-9";
	struct scheme *s = made(text);
	struct padding_iter it;
	struct padding_item item;

	(void)state;
	memset(text, 'x', sizeof(text));
	it = padding_items(&s->padding, 1);
	assert_true(padding_next(&it, &item));
	assert_int_equal(item.lo, 9);
	scheme_unref(s);
}

static void scheme_slot__replaced__old_one_lives_with_its_holders(void **state)
{
	struct scheme_slot slot = { .lock = PTHREAD_MUTEX_INITIALIZER, .current = made("stop=1") };
	struct scheme *held = scheme_slot_get(&slot), *now;

	(void)state;
	scheme_slot_set(&slot, made("stop=2"));
	now = scheme_slot_get(&slot);
	assert_int_equal(held->padding.stop, 1);
	assert_int_equal(held->refs, 1);
	assert_int_equal(now->padding.stop, 2);
	assert_int_equal(now->refs, 2);
	scheme_unref(held);
	scheme_unref(now);
	scheme_slot_set(&slot, NULL);
	scheme_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scheme_new__md5__is_of_the_raw_bytes),
		cmocka_unit_test(scheme_new__invalid__is_einval),
		cmocka_unit_test(scheme_new__the_callers_text__is_copied),
		cmocka_unit_test(scheme_slot__replaced__old_one_lives_with_its_holders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
