// SPDX-License-Identifier: GPL-2.0-or-later
// Failures per source: counting, the minute, networks, a bounded table.
#include "app/source_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>

#include "base/clock.h"

#define START_MS  1000000
#define MINUTE_MS 60000
#define LIMIT	  5

static struct source_limit *limit;

static int set_up(void **state)
{
	(void)state;
	clock_freeze_ms(START_MS);
	limit = source_limit_new(LIMIT);
	return limit ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	source_limit_free(limit);
	clock_freeze_ms(0);
	return 0;
}

static union sockaddr_any from(const char *ip)
{
	union sockaddr_any a;
	uint8_t raw[16];
	bool v6 = strchr(ip, ':');

	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, ip, raw), 1);
	sockaddr_set(&a, raw, v6 ? 16 : 4, 12345);
	return a;
}

static uint32_t failed(const char *ip)
{
	union sockaddr_any a = from(ip);

	return source_limit_failed(limit, &a);
}

static bool blocked(const char *ip)
{
	union sockaddr_any a = from(ip);

	return source_limit_blocked(limit, &a);
}

static void source_limit__beyond_the_limit__blocks_until_its_minute_is_over(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= LIMIT; i++)
		assert_int_equal(failed("192.0.2.1"), i);
	assert_false(blocked("192.0.2.1"));
	clock_freeze_ms(START_MS + MINUTE_MS - 1);
	assert_int_equal(failed("192.0.2.1"), LIMIT + 1);
	assert_true(blocked("192.0.2.1"));
	clock_freeze_ms(START_MS + MINUTE_MS);
	assert_false(blocked("192.0.2.1"));
	assert_int_equal(failed("192.0.2.1"), 1);
}

static void source_limit__others__are_not_blocked(void **state)
{
	(void)state;
	for (int i = 0; i <= LIMIT; i++)
		failed("192.0.2.1");
	assert_true(blocked("192.0.2.1"));
	assert_false(blocked("192.0.2.2"));
	assert_false(blocked("2001:db8::1"));
}

static void source_limit__one_network__is_one_source(void **state)
{
	static const char *const ips[] = { "2001:db8:0:1::1", "2001:db8:0:1::2",
					   "2001:db8:0:1:ffff:ffff:ffff:ffff" };

	(void)state;
	for (int i = 0; i <= LIMIT; i++)
		failed(ips[i % 3]);
	assert_true(blocked("2001:db8:0:1:abcd::"));
	assert_false(blocked("2001:db8:0:2::1"));
}

static void source_limit__mapped_address__is_the_ipv4_one(void **state)
{
	(void)state;
	for (int i = 0; i <= LIMIT; i++)
		failed("::ffff:192.0.2.1");
	assert_true(blocked("192.0.2.1"));
	assert_false(blocked("::ffff:192.0.2.2"));
}

static void source_limit__of_0__blocks_nobody_but_counts(void **state)
{
	struct source_limit *none = source_limit_new(0);
	union sockaddr_any a = from("192.0.2.1");

	(void)state;
	for (uint32_t i = 1; i < 100; i++)
		assert_int_equal(source_limit_failed(none, &a), i);
	assert_false(source_limit_blocked(none, &a));
	source_limit_free(none);
	source_limit_free(NULL);
}

/* More sources than the table holds: the newest are remembered, the oldest are not. */
static void source_limit__very_many_sources__are_bounded(void **state)
{
	char ip[64];

	(void)state;
	for (int i = 0; i <= LIMIT; i++)
		failed("192.0.2.1");
	for (unsigned i = 0; i < 40000; i++) {
		snprintf(ip, sizeof(ip), "2001:db8:%x:%x::1", i >> 8, i & 255);
		assert_int_equal(failed(ip), 1);
	}
	assert_int_equal(failed(ip), 2);
	assert_int_equal(failed("192.0.2.1"), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(source_limit__beyond_the_limit__blocks_until_its_minute_is_over),
		TEST(source_limit__others__are_not_blocked),
		TEST(source_limit__one_network__is_one_source),
		TEST(source_limit__mapped_address__is_the_ipv4_one),
		TEST(source_limit__of_0__blocks_nobody_but_counts),
		TEST(source_limit__very_many_sources__are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
