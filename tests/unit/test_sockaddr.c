// SPDX-License-Identifier: GPL-2.0-or-later
// Socket addresses: bytes in, bytes and text out.
#include "io/sockaddr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t ip4[4] = { 192, 0, 2, 1 };
static const uint8_t ip6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };
static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };

static void sockaddr_set__ipv4__round_trips(void **state)
{
	union sockaddr_any a;
	size_t len;

	(void)state;
	sockaddr_set(&a, ip4, 4, 443);
	assert_int_equal(a.sa.sa_family, AF_INET);
	assert_int_equal(sockaddr_len(&a), sizeof(struct sockaddr_in));
	assert_int_equal(sockaddr_port(&a), 443);
	assert_memory_equal(sockaddr_ip(&a, &len), ip4, 4);
	assert_int_equal(len, 4);
}

static void sockaddr_set__ipv6__round_trips(void **state)
{
	union sockaddr_any a;
	size_t len;

	(void)state;
	sockaddr_set(&a, ip6, 16, 65535);
	assert_int_equal(a.sa.sa_family, AF_INET6);
	assert_int_equal(sockaddr_len(&a), sizeof(struct sockaddr_in6));
	assert_int_equal(sockaddr_port(&a), 65535);
	assert_memory_equal(sockaddr_ip(&a, &len), ip6, 16);
	assert_int_equal(len, 16);
}

static void sockaddr_set__over_old_contents__leaves_none_of_them(void **state)
{
	union sockaddr_any a, fresh;

	(void)state;
	memset(&a, 0xff, sizeof(a));
	memset(&fresh, 0, sizeof(fresh));
	sockaddr_set(&a, ip6, 16, 1);
	sockaddr_set(&fresh, ip6, 16, 1);
	assert_memory_equal(&a, &fresh, sizeof(a.in6));
	assert_int_equal(a.in6.sin6_scope_id, 0);
	assert_int_equal(a.in6.sin6_flowinfo, 0);
}

static void sockaddr_unmap__mapped__becomes_ipv4_with_its_port(void **state)
{
	union sockaddr_any a;
	size_t len;

	(void)state;
	sockaddr_set(&a, mapped, 16, 8080);
	sockaddr_unmap(&a);
	assert_int_equal(a.sa.sa_family, AF_INET);
	assert_int_equal(sockaddr_port(&a), 8080);
	assert_memory_equal(sockaddr_ip(&a, &len), ip4, 4);
}

static void sockaddr_unmap__other__stays(void **state)
{
	union sockaddr_any a;

	(void)state;
	sockaddr_set(&a, ip6, 16, 1);
	sockaddr_unmap(&a);
	assert_int_equal(a.sa.sa_family, AF_INET6);
	sockaddr_set(&a, ip4, 4, 1);
	sockaddr_unmap(&a);
	assert_int_equal(a.sa.sa_family, AF_INET);
}

static void sockaddr_text__both_families__has_port(void **state)
{
	char out[SOCKADDR_TEXT_MAX];
	union sockaddr_any a;

	(void)state;
	sockaddr_set(&a, ip4, 4, 80);
	assert_string_equal(sockaddr_text(&a, out), "192.0.2.1:80");
	sockaddr_set(&a, ip6, 16, 80);
	assert_string_equal(sockaddr_text(&a, out), "[2001:db8::7]:80");
}

static void sockaddr_text__longest__fits(void **state)
{
	static const uint8_t long_ip[16] = { 0x2a, 0xbc, 0xde, 0xf1, 0x2a, 0xbc, 0xde, 0xf1,
					     0x2a, 0xbc, 0xde, 0xf1, 0x2a, 0xbc, 0xde, 0xf1 };
	char out[SOCKADDR_TEXT_MAX];
	union sockaddr_any a;

	(void)state;
	sockaddr_set(&a, long_ip, 16, 65535);
	assert_string_equal(sockaddr_text(&a, out),
			    "[2abc:def1:2abc:def1:2abc:def1:2abc:def1]:65535");
}

static void sockaddr_text__unset__is_harmless(void **state)
{
	char out[SOCKADDR_TEXT_MAX];
	union sockaddr_any a = { 0 };

	(void)state;
	assert_string_equal(sockaddr_text(&a, out), "?:0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockaddr_set__ipv4__round_trips),
		cmocka_unit_test(sockaddr_set__ipv6__round_trips),
		cmocka_unit_test(sockaddr_set__over_old_contents__leaves_none_of_them),
		cmocka_unit_test(sockaddr_unmap__mapped__becomes_ipv4_with_its_port),
		cmocka_unit_test(sockaddr_unmap__other__stays),
		cmocka_unit_test(sockaddr_text__both_families__has_port),
		cmocka_unit_test(sockaddr_text__longest__fits),
		cmocka_unit_test(sockaddr_text__unset__is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
