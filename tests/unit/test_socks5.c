// SPDX-License-Identifier: GPL-2.0-or-later
// SOCKS5 messages, whole, byte by byte and broken.
#include "proto/socks5.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"

static void check_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(addr_text(a, text), want);
}

static void socks5_greeting_parse__every_prefix__wants_more_then_parses(void **state)
{
	static const struct {
		const char *hex;
		bool no_auth, userpass;
	} cases[] = {
		{ "050100", true, false },  { "050102", false, true },
		{ "05020002", true, true }, { "0503020100", true, true },
		{ "050101", false, false }, { "0502ff80", false, false },
	};
	uint8_t bytes[HEX_MAX + 1];
	struct socks5_greeting g;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = hex_get(cases[i].hex, bytes);

		bytes[len] = 0; /* what follows is not a method */
		for (size_t n = 0; n < len; n++)
			assert_int_equal(socks5_greeting_parse(bytes, n, &g), 0);
		assert_int_equal(socks5_greeting_parse(bytes, len + 1, &g), len);
		assert_int_equal(g.no_auth, cases[i].no_auth);
		assert_int_equal(g.userpass, cases[i].userpass);
	}
}

static void socks5_greeting_parse__255_methods__are_all_read(void **state)
{
	uint8_t bytes[257] = { 5, 255 };
	struct socks5_greeting g;

	(void)state;
	memset(bytes + 2, 0x80, 255);
	bytes[256] = SOCKS5_USERPASS;
	assert_int_equal(socks5_greeting_parse(bytes, 256, &g), 0);
	assert_int_equal(socks5_greeting_parse(bytes, 257, &g), 257);
	assert_true(g.userpass);
	assert_false(g.no_auth);
}

static void socks5_greeting_parse__other_version_or_no_method__is_eproto(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct socks5_greeting g = { .no_auth = true };

	(void)state;
	assert_int_equal(socks5_greeting_parse(bytes, hex_get("04", bytes), &g), -EPROTO);
	assert_int_equal(socks5_greeting_parse((const uint8_t *)"GET", 3, &g), -EPROTO);
	assert_int_equal(socks5_greeting_parse(bytes, hex_get("0500", bytes), &g), -EPROTO);
	assert_true(g.no_auth);
}

static void socks5_userpass_parse__every_prefix__wants_more_then_parses(void **state)
{
	static const struct {
		const char *hex, *user, *pass;
	} cases[] = {
		{ "0104757365720470617373", "user", "pass" },
		{ "01017500", "u", "" },
		{ "01000170", "", "p" },
		{ "010000", "", "" },
	};
	uint8_t bytes[HEX_MAX];
	struct socks5_userpass up;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = hex_get(cases[i].hex, bytes);

		for (size_t n = 0; n < len; n++)
			assert_int_equal(socks5_userpass_parse(bytes, n, &up), 0);
		assert_int_equal(socks5_userpass_parse(bytes, len, &up), len);
		assert_int_equal(socks5_userpass_parse(bytes, len + 5, &up), len);
		assert_int_equal(up.user_len, strlen(cases[i].user));
		assert_int_equal(up.pass_len, strlen(cases[i].pass));
		assert_memory_equal(up.user, cases[i].user, up.user_len);
		assert_memory_equal(up.pass, cases[i].pass, up.pass_len);
	}
}

static void socks5_userpass_parse__longest__fits(void **state)
{
	uint8_t bytes[513];
	struct socks5_userpass up;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	bytes[0] = 1;
	bytes[1] = bytes[257] = 255;
	assert_int_equal(socks5_userpass_parse(bytes, 512, &up), 0);
	assert_int_equal(socks5_userpass_parse(bytes, 513, &up), 513);
	assert_ptr_equal(up.pass + up.pass_len, bytes + 513);
}

static void socks5_userpass_parse__other_version__is_eproto(void **state)
{
	static const uint8_t bytes[] = { 5 };
	struct socks5_userpass up = { .user_len = 99 };

	(void)state;
	assert_int_equal(socks5_userpass_parse(bytes, 1, &up), -EPROTO);
	assert_int_equal(up.user_len, 99);
}

static void socks5_request_parse__every_prefix__wants_more_then_parses(void **state)
{
	static const struct {
		const char *hex, *dst;
		uint8_t cmd;
	} cases[] = {
		{ "05010001010203040050", "1.2.3.4:80", SOCKS5_CONNECT },
		{ "0501000420010db800000000000000000000000101bb", "[2001:db8::1]:443",
		  SOCKS5_CONNECT },
		{ "050100030b6578616d706c652e636f6d01bb", "example.com:443", SOCKS5_CONNECT },
		{ "05030001000000000000", "0.0.0.0:0", SOCKS5_UDP_ASSOCIATE },
		{ "05020001010203040050", "1.2.3.4:80", SOCKS5_BIND },
		{ "05f0ff01010203040050", "1.2.3.4:80", 0xf0 },
	};
	uint8_t bytes[HEX_MAX];
	struct socks5_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = hex_get(cases[i].hex, bytes);

		for (size_t n = 0; n < len; n++)
			assert_int_equal(socks5_request_parse(bytes, n, &r), 0);
		assert_int_equal(socks5_request_parse(bytes, len, &r), len);
		assert_int_equal(socks5_request_parse(bytes, len + 3, &r), len);
		assert_int_equal(r.cmd, cases[i].cmd);
		check_addr(&r.dst, cases[i].dst);
	}
}

static void socks5_request_parse__broken__says_what(void **state)
{
	static const struct {
		const char *hex;
		int want;
	} cases[] = {
		{ "04", -EPROTO },
		{ "01010001", -EPROTO },
		{ "05010000", -EAFNOSUPPORT },
		{ "05010002", -EAFNOSUPPORT },
		{ "050100ff", -EAFNOSUPPORT },
		{ "0501000300", -EPROTO },
		{ "0501000303610062", -EPROTO },
	};
	uint8_t bytes[HEX_MAX];
	struct socks5_request r = { .cmd = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(socks5_request_parse(bytes, hex_get(cases[i].hex, bytes), &r),
				 cases[i].want);
	assert_int_equal(r.cmd, 99);
}

static void socks5_reply_put__address_or_none__gives_bytes(void **state)
{
	uint8_t out[3 + ADDR_WIRE_MAX];
	char hex[2 * HEX_MAX + 1];
	struct addr a;

	(void)state;
	assert_int_equal(addr_from_host("127.0.0.1", 9, 1080, &a), 0);
	assert_string_equal(hex_put(out, socks5_reply_put(out, SOCKS5_OK, &a), hex),
			    "050000017f0000010438");
	assert_int_equal(addr_from_host("::1", 3, 1, &a), 0);
	assert_string_equal(hex_put(out, socks5_reply_put(out, SOCKS5_OK, &a), hex),
			    "05000004000000000000000000000000000000010001");
	assert_string_equal(hex_put(out, socks5_reply_put(out, SOCKS5_REFUSED, NULL), hex),
			    "05050001000000000000");
}

static const char datagram[] = "00000001080808080035616263";

static void socks5_udp_parse__whole_datagram__gives_data(void **state)
{
	uint8_t bytes[HEX_MAX], out[3 + ADDR_WIRE_MAX];
	struct socks5_udp u;
	size_t n = hex_get(datagram, bytes);

	(void)state;
	assert_int_equal(socks5_udp_parse(bytes, n, &u), 0);
	check_addr(&u.dst, "8.8.8.8:53");
	assert_int_equal(u.len, 3);
	assert_memory_equal(u.data, "abc", 3);
	assert_int_equal(socks5_udp_put(out, &u.dst), 10);
	assert_memory_equal(out, bytes, 10);
}

static void socks5_udp_parse__no_data__is_an_empty_datagram(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct socks5_udp u;

	(void)state;
	hex_get(datagram, bytes);
	assert_int_equal(socks5_udp_parse(bytes, 10, &u), 0);
	assert_int_equal(u.len, 0);
}

static void socks5_udp_parse__short__is_eproto(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct socks5_udp u = { .len = 99 };

	(void)state;
	hex_get(datagram, bytes);
	for (size_t n = 0; n < 10; n++)
		assert_int_equal(socks5_udp_parse(bytes, n, &u), -EPROTO);
	assert_int_equal(u.len, 99);
}

static void socks5_udp_parse__fragment_reserved_or_type__is_eproto(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct socks5_udp u;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		size_t n = hex_get(datagram, bytes);

		bytes[i] = 0x80;
		assert_int_equal(socks5_udp_parse(bytes, n, &u), -EPROTO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socks5_greeting_parse__every_prefix__wants_more_then_parses),
		cmocka_unit_test(socks5_greeting_parse__255_methods__are_all_read),
		cmocka_unit_test(socks5_greeting_parse__other_version_or_no_method__is_eproto),
		cmocka_unit_test(socks5_userpass_parse__every_prefix__wants_more_then_parses),
		cmocka_unit_test(socks5_userpass_parse__longest__fits),
		cmocka_unit_test(socks5_userpass_parse__other_version__is_eproto),
		cmocka_unit_test(socks5_request_parse__every_prefix__wants_more_then_parses),
		cmocka_unit_test(socks5_request_parse__broken__says_what),
		cmocka_unit_test(socks5_reply_put__address_or_none__gives_bytes),
		cmocka_unit_test(socks5_udp_parse__whole_datagram__gives_data),
		cmocka_unit_test(socks5_udp_parse__no_data__is_an_empty_datagram),
		cmocka_unit_test(socks5_udp_parse__short__is_eproto),
		cmocka_unit_test(socks5_udp_parse__fragment_reserved_or_type__is_eproto),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
