// SPDX-License-Identifier: GPL-2.0-or-later
// Destinations: wire vectors, normal forms, text.
#include "proto/addr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "hex.h"

static const struct {
	enum addr_form form;
	const char *hex, *text;
} vectors[] = {
	{ ADDR_SOCKS, "01010203040050", "1.2.3.4:80" },
	{ ADDR_SOCKS, "0420010db800000000000000000000000101bb", "[2001:db8::1]:443" },
	{ ADDR_SOCKS, "030b6578616d706c652e636f6d01bb", "example.com:443" },
	{ ADDR_SOCKS, "031773702e76322e7564702d6f7665722d7463702e617270610000",
	  "sp.v2.udp-over-tcp.arpa:0" },
	{ ADDR_SOCKS, "031473702e7564702d6f7665722d7463702e617270610000",
	  "sp.udp-over-tcp.arpa:0" },
	{ ADDR_SOCKS, "010808080800 35", "8.8.8.8:53" },
	{ ADDR_UOT, "00080808080035", "8.8.8.8:53" },
	{ ADDR_UOT, "0120010db80000000000000000000000010035", "[2001:db8::1]:53" },
	{ ADDR_UOT, "020b6578616d706c652e636f6d0035", "example.com:53" },
	{ ADDR_SOCKS, "030161ffff", "a:65535" },
};
#define N_VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static struct addr host(const char *name, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_from_host(name, strlen(name), port, &a), 0);
	return a;
}

static void addr_parse__vectors__give_addresses(void **state)
{
	uint8_t bytes[HEX_MAX + 1];
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		size_t n = hex_get(vectors[i].hex, bytes);

		bytes[n] = 0xff;
		assert_int_equal(addr_parse(vectors[i].form, bytes, n, &a), n);
		assert_string_equal(addr_text(&a, text), vectors[i].text);
		assert_int_equal(addr_parse(vectors[i].form, bytes, n + 1, &a), n);
	}
}

static void addr_parse__every_shorter_prefix__wants_more(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct addr a = { .port = 99 };

	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		size_t len = hex_get(vectors[i].hex, bytes);

		for (size_t n = 0; n < len; n++) {
			uint8_t *exact = malloc(n + 1);

			memcpy(exact, bytes, n);
			assert_int_equal(addr_parse(vectors[i].form, exact, n, &a), 0);
			free(exact);
		}
	}
	assert_int_equal(a.port, 99);
}

static void addr_put__vectors__give_bytes(void **state)
{
	uint8_t bytes[HEX_MAX], out[ADDR_WIRE_MAX];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		size_t n = hex_get(vectors[i].hex, bytes);

		assert_int_equal(addr_parse(vectors[i].form, bytes, n, &a), n);
		assert_int_equal(addr_put(vectors[i].form, out, &a), n);
		assert_memory_equal(out, bytes, n);
	}
}

static void addr_parse__impossible_bytes__are_eproto_at_once(void **state)
{
	static const struct {
		enum addr_form form;
		const char *hex;
	} cases[] = {
		{ ADDR_SOCKS, "00" },
		{ ADDR_SOCKS, "02" },
		{ ADDR_SOCKS, "05" },
		{ ADDR_SOCKS, "ff" },
		{ ADDR_UOT, "03" },
		{ ADDR_UOT, "04" },
		{ ADDR_SOCKS, "0300" },
		{ ADDR_UOT, "0200" },
		{ ADDR_SOCKS, "030500" },
		{ ADDR_SOCKS, "03056100" },
		{ ADDR_SOCKS, "03036162000050" },
	};
	uint8_t bytes[HEX_MAX];
	struct addr a = { .port = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(addr_parse(cases[i].form, bytes, hex_get(cases[i].hex, bytes), &a),
				 -EPROTO);
	assert_int_equal(a.port, 99);
}

static void addr_parse__nul_beyond_the_name__is_no_error(void **state)
{
	static const uint8_t bytes[] = { 3, 1, 'a', 0, 0, 0 };
	struct addr a;

	(void)state;
	assert_int_equal(addr_parse(ADDR_SOCKS, bytes, sizeof(bytes), &a), 5);
	assert_int_equal(a.type, ADDR_NAME);
	assert_int_equal(a.port, 0);
}

static void addr_parse__longest_name__fits(void **state)
{
	uint8_t bytes[ADDR_WIRE_MAX] = { 3, 255 }, out[ADDR_WIRE_MAX];
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	memset(bytes + 2, 'n', 255);
	bytes[257] = bytes[258] = 0xff;
	assert_int_equal(addr_parse(ADDR_SOCKS, bytes, sizeof(bytes), &a), ADDR_WIRE_MAX);
	assert_int_equal(a.name_len, 255);
	assert_int_equal(strlen(a.name), 255);
	assert_int_equal(addr_put(ADDR_SOCKS, out, &a), ADDR_WIRE_MAX);
	assert_memory_equal(out, bytes, sizeof(out));
	assert_int_equal(strlen(addr_text(&a, text)), 255 + strlen(":65535"));
}

static void addr_parse__literal_as_name__becomes_address(void **state)
{
	static const struct {
		const char *name, *text;
		enum addr_type type;
	} cases[] = {
		{ "1.2.3.4", "1.2.3.4:80", ADDR_IPV4 },
		{ "2001:DB8::1", "[2001:db8::1]:80", ADDR_IPV6 },
		{ "::ffff:1.2.3.4", "1.2.3.4:80", ADDR_IPV4 },
		{ "::", "[::]:80", ADDR_IPV6 },
		{ "1.2.3", "1.2.3:80", ADDR_NAME },
		{ "01.2.3.4", "01.2.3.4:80", ADDR_NAME },
		{ "1.2.3.4.", "1.2.3.4.:80", ADDR_NAME },
		{ "[::1]", "[::1]:80", ADDR_NAME },
	};
	uint8_t bytes[ADDR_WIRE_MAX];
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].name);

		bytes[0] = 3;
		bytes[1] = (uint8_t)n;
		memcpy(bytes + 2, cases[i].name, n);
		memcpy(bytes + 2 + n, "\0\x50", 2);
		assert_int_equal(addr_parse(ADDR_SOCKS, bytes, n + 4, &a), n + 4);
		assert_int_equal(a.type, cases[i].type);
		assert_string_equal(addr_text(&a, text), cases[i].text);
	}
}

static void addr_parse__mapped_ipv6__becomes_ipv4(void **state)
{
	uint8_t bytes[HEX_MAX];
	char text[ADDR_TEXT_MAX];
	struct addr a;
	size_t n = hex_get("0400000000000000000000ffff010203040050", bytes);

	(void)state;
	assert_int_equal(addr_parse(ADDR_SOCKS, bytes, n, &a), n);
	assert_int_equal(a.type, ADDR_IPV4);
	assert_string_equal(addr_text(&a, text), "1.2.3.4:80");
	bytes[10] = 1; /* ::1:ffff:..., not mapped */
	assert_int_equal(addr_parse(ADDR_SOCKS, bytes, n, &a), n);
	assert_int_equal(a.type, ADDR_IPV6);
}

static void addr_put__no_address__is_ipv4_zeros(void **state)
{
	struct addr a = { .type = ADDR_NONE, .port = 80 };
	uint8_t out[ADDR_WIRE_MAX];
	char hex[2 * HEX_MAX + 1];

	(void)state;
	memset(a.name, 0xee, sizeof(a.name));
	assert_string_equal(hex_put(out, addr_put(ADDR_SOCKS, out, &a), hex), "01000000000050");
	assert_string_equal(hex_put(out, addr_put(ADDR_UOT, out, &a), hex), "00000000000050");
	assert_string_equal(addr_text(&a, hex), "none");
}

static void addr_from_host__bad_length_or_nul__is_einval(void **state)
{
	char longest[257];
	struct addr a = { .port = 99 };

	(void)state;
	memset(longest, 'n', sizeof(longest));
	assert_int_equal(addr_from_host("", 0, 80, &a), -EINVAL);
	assert_int_equal(addr_from_host(longest, 256, 80, &a), -EINVAL);
	assert_int_equal(addr_from_host("a\0b", 3, 80, &a), -EINVAL);
	assert_int_equal(a.port, 99);
	assert_int_equal(addr_from_host(longest, 255, 80, &a), 0);
	assert_int_equal(a.name_len, 255);
}

static void addr_from_host__part_of_a_text__is_terminated(void **state)
{
	struct addr a;

	(void)state;
	assert_int_equal(addr_from_host("example.com:443", 11, 443, &a), 0);
	assert_string_equal(a.name, "example.com");
	assert_int_equal(a.port, 443);
}

static void addr_equal__same_and_different__are_told_apart(void **state)
{
	const struct addr list[] = {
		host("1.2.3.4", 80),	host("1.2.3.4", 81),	 host("1.2.3.5", 80),
		host("::1", 80),	host("::2", 80),	 host("example.com", 80),
		host("example.co", 80), host("example.net", 80), { .type = ADDR_NONE, .port = 80 },
	};
	const struct addr upper = host("EXAMPLE.com", 80);

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		for (size_t j = 0; j < sizeof(list) / sizeof(list[0]); j++)
			assert_int_equal(addr_equal(&list[i], &list[j]), i == j);
	assert_true(addr_equal(&upper, &list[5]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addr_parse__vectors__give_addresses),
		cmocka_unit_test(addr_parse__every_shorter_prefix__wants_more),
		cmocka_unit_test(addr_put__vectors__give_bytes),
		cmocka_unit_test(addr_parse__impossible_bytes__are_eproto_at_once),
		cmocka_unit_test(addr_parse__nul_beyond_the_name__is_no_error),
		cmocka_unit_test(addr_parse__longest_name__fits),
		cmocka_unit_test(addr_parse__literal_as_name__becomes_address),
		cmocka_unit_test(addr_parse__mapped_ipv6__becomes_ipv4),
		cmocka_unit_test(addr_put__no_address__is_ipv4_zeros),
		cmocka_unit_test(addr_from_host__bad_length_or_nul__is_einval),
		cmocka_unit_test(addr_from_host__part_of_a_text__is_terminated),
		cmocka_unit_test(addr_equal__same_and_different__are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
