// SPDX-License-Identifier: GPL-2.0-or-later
// Ids and questions of DNS messages.
#include "proto/dns_message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEADER(flags, questions) "\x12\x34" flags "\x00" questions "\0\0\0\0\0\0"
#define QUERY			 HEADER("\x01\x00", "\x01")
#define RESPONSE		 HEADER("\x81\x80", "\x01")
#define NAME			 "\7eXample\3org\0"
#define IN_A			 "\0\1\0\1"

#define PARSE(text, ret) dns_message_parse((const uint8_t *)(text), sizeof(text) - 1, ret)

static void dns_message_parse__question__is_found(void **state)
{
	struct dns_message m;

	(void)state;
	assert_int_equal(PARSE(QUERY NAME IN_A "more", &m), 0);
	assert_int_equal(m.id, 0x1234);
	assert_false(m.response);
	assert_int_equal(m.question_len, sizeof(NAME IN_A) - 1);
	assert_memory_equal(m.question, NAME IN_A, m.question_len);
}

static void dns_message_parse__response__is_told(void **state)
{
	struct dns_message m;

	(void)state;
	assert_int_equal(PARSE(HEADER("\x81\x83", "\x01") NAME IN_A, &m), 0);
	assert_true(m.response);
	assert_int_equal(m.rcode, 3);
}

static void dns_message_parse__no_question__has_none(void **state)
{
	struct dns_message m;

	(void)state;
	assert_int_equal(PARSE(HEADER("\x01\x00", "\x00"), &m), 0);
	assert_int_equal(m.question_len, 0);
}

static void dns_message_parse__malformed__is_eproto(void **state)
{
	struct dns_message m;

	(void)state;
	assert_int_equal(PARSE("", &m), -EPROTO);
	assert_int_equal(PARSE("\x12\x34\x01\x00\x00\x01\0\0\0\0\0", &m), -EPROTO);
	assert_int_equal(PARSE(QUERY, &m), -EPROTO);
	assert_int_equal(PARSE(QUERY "\7exampl", &m), -EPROTO);
	assert_int_equal(PARSE(QUERY "\3org", &m), -EPROTO);
	assert_int_equal(PARSE(QUERY NAME "\0\1\0", &m), -EPROTO);
	assert_int_equal(PARSE(QUERY "\xc0\x0c" IN_A, &m), -EPROTO);
	assert_int_equal(PARSE(HEADER("\x01\x00", "\x02") NAME IN_A NAME IN_A, &m), -EPROTO);
}

static void dns_message_parse__name_of_256_bytes__is_eproto(void **state)
{
	uint8_t p[12 + 256 + 4] = QUERY;
	struct dns_message m;

	(void)state;
	for (int i = 0; i < 255; i += 2)
		memcpy(p + 12 + i, "\1x", 2);
	memcpy(p + 12 + 254, "\0\0\1\0\1", 5); /* 255 bytes */
	assert_int_equal(dns_message_parse(p, 12 + 255 + 4, &m), 0);
	memcpy(p + 12 + 252, "\2xx\0\0\1\0\1", 8); /* 256 */
	assert_int_equal(dns_message_parse(p, 12 + 256 + 4, &m), -EPROTO);
}

static bool answers(const char *p, size_t n)
{
	struct dns_message m;

	assert_int_equal(dns_message_parse((const uint8_t *)p, n, &m), 0);
	return dns_message_answers(&m, (const uint8_t *)NAME IN_A, sizeof(NAME IN_A) - 1);
}
#define ANSWERS(text) answers(text, sizeof(text) - 1)

static void dns_message_answers__same_question_case_included__only(void **state)
{
	(void)state;
	assert_true(ANSWERS(RESPONSE NAME IN_A));
	assert_false(ANSWERS(RESPONSE "\7example\3org\0" IN_A));
	assert_false(ANSWERS(RESPONSE NAME "\0\x1c\0\1"));
	assert_false(ANSWERS(RESPONSE "\3org\0" IN_A));
}

static void dns_message_answers__without_a_question__only_an_error(void **state)
{
	(void)state;
	assert_true(ANSWERS(HEADER("\x81\x81", "\x00")));
	assert_false(ANSWERS(HEADER("\x81\x80", "\x00")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns_message_parse__question__is_found),
		cmocka_unit_test(dns_message_parse__response__is_told),
		cmocka_unit_test(dns_message_parse__no_question__has_none),
		cmocka_unit_test(dns_message_parse__malformed__is_eproto),
		cmocka_unit_test(dns_message_parse__name_of_256_bytes__is_eproto),
		cmocka_unit_test(dns_message_answers__same_question_case_included__only),
		cmocka_unit_test(dns_message_answers__without_a_question__only_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
