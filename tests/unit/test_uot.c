// SPDX-License-Identifier: GPL-2.0-or-later
// UDP over TCP: names, requests and packets, whole and byte by byte.
#include "proto/uot.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"

static struct addr host(const char *name, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_from_host(name, strlen(name), port, &a), 0);
	return a;
}

static void check_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(addr_text(a, text), want);
}

static void uot_version__magic_names__at_any_port_and_case(void **state)
{
	static const struct {
		const char *name;
		enum uot_version want;
	} cases[] = {
		{ "sp.v2.udp-over-tcp.arpa", UOT_V2 },
		{ "SP.V2.UDP-over-TCP.arpa", UOT_V2 },
		{ "sp.udp-over-tcp.arpa", UOT_V1 },
		{ "Sp.udp-over-tcp.ARPA", UOT_V1 },
		{ "udp-over-tcp.arpa", UOT_NONE },
		{ "sp.v2.udp-over-tcp.arpa.", UOT_NONE },
		{ "x.sp.udp-over-tcp.arpa", UOT_NONE },
		{ "sp.v3.udp-over-tcp.arpa", UOT_NONE },
		{ "8.8.8.8", UOT_NONE },
		{ "::1", UOT_NONE },
	};
	static const uint16_t ports[] = { 0, 53, 443 };
	struct addr none = { .type = ADDR_NONE };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t j = 0; j < 3; j++) {
			struct addr a = host(cases[i].name, ports[j]);

			assert_int_equal(uot_version(&a), cases[i].want);
		}
	assert_int_equal(uot_version(&none), UOT_NONE);
}

static void uot_version__wire_vectors__are_recognised(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct addr a;
	size_t n = hex_get("031773702e76322e7564702d6f7665722d7463702e617270610000", bytes);

	(void)state;
	assert_int_equal(n, 27);
	assert_int_equal(addr_parse(ADDR_SOCKS, bytes, n, &a), n);
	assert_int_equal(uot_version(&a), UOT_V2);
	n = hex_get("031473702e7564702d6f7665722d7463702e617270610000", bytes);
	assert_int_equal(n, 24);
	assert_int_equal(addr_parse(ADDR_SOCKS, bytes, n, &a), n);
	assert_int_equal(uot_version(&a), UOT_V1);
}

static const struct {
	const char *hex, *dst;
	bool connect;
} requests[] = {
	{ "0001080808080035", "8.8.8.8:53", false },
	{ "0101080808080035", "8.8.8.8:53", true },
	{ "010420010db800000000000000000000000101bb", "[2001:db8::1]:443", true },
	{ "00030b6578616d706c652e636f6d0035", "example.com:53", false },
};

static void uot_request_parse__every_prefix__wants_more_then_parses(void **state)
{
	uint8_t bytes[HEX_MAX], out[1 + ADDR_WIRE_MAX];
	struct uot_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		size_t len = hex_get(requests[i].hex, bytes);

		for (size_t n = 0; n < len; n++)
			assert_int_equal(uot_request_parse(bytes, n, &r), 0);
		assert_int_equal(uot_request_parse(bytes, len, &r), len);
		assert_int_equal(r.connect, requests[i].connect);
		check_addr(&r.dst, requests[i].dst);
		assert_int_equal(uot_request_put(out, &r), len);
		assert_memory_equal(out, bytes, len);
	}
}

static void uot_request_parse__other_connect_values__are_true(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct uot_request r;
	size_t n = hex_get("ff01080808080035", bytes);

	(void)state;
	assert_int_equal(uot_request_parse(bytes, n, &r), n);
	assert_true(r.connect);
}

static void uot_request_parse__packet_numbering__is_eproto(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct uot_request r = { .dst.port = 99 };

	(void)state;
	assert_int_equal(uot_request_parse(bytes, hex_get("0000", bytes), &r), -EPROTO);
	assert_int_equal(uot_request_parse(bytes, hex_get("0102", bytes), &r), -EPROTO);
	assert_int_equal(uot_request_parse(bytes, hex_get("010300", bytes), &r), -EPROTO);
	assert_int_equal(r.dst.port, 99);
}

static void uot_request_parse__packet_behind_it__is_left(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct uot_request r;
	struct uot_packet pkt;
	size_t n = hex_get("01010808080800350003616263", bytes);

	(void)state;
	assert_int_equal(n, 13);
	assert_int_equal(uot_request_parse(bytes, n, &r), 8);
	assert_int_equal(uot_packet_parse(r.connect, bytes + 8, n - 8, &pkt), 5);
	assert_int_equal(pkt.len, 3);
	assert_memory_equal(pkt.data, "abc", 3);
}

static const struct {
	bool connect;
	const char *hex, *addr, *data;
} packets[] = {
	{ false, "000808080800350003616263", "8.8.8.8:53", "abc" },
	{ false, "0120010db800000000000000000000000100350003616263", "[2001:db8::1]:53", "abc" },
	{ false, "020b6578616d706c652e636f6d00350003616263", "example.com:53", "abc" },
	{ true, "0003616263", NULL, "abc" },
	{ false, "000808080800350000", "8.8.8.8:53", "" },
	{ true, "0000", NULL, "" },
};

static void uot_packet_parse__every_prefix__wants_more_then_parses(void **state)
{
	uint8_t bytes[HEX_MAX], out[UOT_HDR_MAX];
	struct uot_packet pkt;

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		size_t len = hex_get(packets[i].hex, bytes), data_len = strlen(packets[i].data),
		       hdr;

		for (size_t n = 0; n < len; n++)
			assert_int_equal(uot_packet_parse(packets[i].connect, bytes, n, &pkt), 0);
		assert_int_equal(uot_packet_parse(packets[i].connect, bytes, len, &pkt), len);
		assert_int_equal(pkt.len, data_len);
		assert_memory_equal(pkt.data, packets[i].data, data_len);
		assert_ptr_equal(pkt.data + pkt.len, bytes + len);
		if (packets[i].addr)
			check_addr(&pkt.addr, packets[i].addr);
		else
			assert_int_equal(pkt.addr.type, ADDR_NONE);
		hdr = uot_packet_put(packets[i].connect, out, packets[i].addr ? &pkt.addr : NULL,
				     pkt.len);
		assert_int_equal(hdr + data_len, len);
		assert_memory_equal(out, bytes, hdr);
	}
}

static void uot_packet_parse__two_in_one_read__come_one_by_one(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct uot_packet pkt;
	size_t n = hex_get("0003616263 00026465 0009", bytes);

	(void)state;
	assert_int_equal(uot_packet_parse(true, bytes, n, &pkt), 5);
	assert_memory_equal(pkt.data, "abc", 3);
	assert_int_equal(uot_packet_parse(true, bytes + 5, n - 5, &pkt), 4);
	assert_memory_equal(pkt.data, "de", 2);
	assert_int_equal(uot_packet_parse(true, bytes + 9, n - 9, &pkt), 0);
}

static void uot_packet_parse__bad_address__is_eproto(void **state)
{
	static const char *const cases[] = { "03", "04", "ff", "0200", "02026100" };
	uint8_t bytes[HEX_MAX];
	struct uot_packet pkt = { .len = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(uot_packet_parse(false, bytes, hex_get(cases[i], bytes), &pkt),
				 -EPROTO);
	assert_int_equal(pkt.len, 99);
}

static void uot_packet_parse__largest_datagrams__fit(void **state)
{
	static const uint16_t sizes[] = { UOT_DATAGRAM_MAX, 65535 };
	uint8_t *bytes = calloc(1, UOT_HDR_MAX + 65535);
	struct addr a = host("8.8.8.8", 53);
	struct uot_packet pkt;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t hdr = uot_packet_put(false, bytes, &a, sizes[i]);

		assert_int_equal(hdr, 9);
		assert_int_equal(uot_packet_parse(false, bytes, hdr + sizes[i] - 1, &pkt), 0);
		assert_int_equal(uot_packet_parse(false, bytes, hdr + sizes[i], &pkt),
				 hdr + sizes[i]);
		assert_int_equal(pkt.len, sizes[i]);
	}
	free(bytes);
}

static void uot_packet_put__longest_name__fits_the_header(void **state)
{
	uint8_t out[UOT_HDR_MAX];
	char name[256];
	struct addr a;

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_int_equal(addr_from_host(name, 255, 1, &a), 0);
	assert_int_equal(uot_packet_put(false, out, &a, 65535), UOT_HDR_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uot_version__magic_names__at_any_port_and_case),
		cmocka_unit_test(uot_version__wire_vectors__are_recognised),
		cmocka_unit_test(uot_request_parse__every_prefix__wants_more_then_parses),
		cmocka_unit_test(uot_request_parse__other_connect_values__are_true),
		cmocka_unit_test(uot_request_parse__packet_numbering__is_eproto),
		cmocka_unit_test(uot_request_parse__packet_behind_it__is_left),
		cmocka_unit_test(uot_packet_parse__every_prefix__wants_more_then_parses),
		cmocka_unit_test(uot_packet_parse__two_in_one_read__come_one_by_one),
		cmocka_unit_test(uot_packet_parse__bad_address__is_eproto),
		cmocka_unit_test(uot_packet_parse__largest_datagrams__fit),
		cmocka_unit_test(uot_packet_put__longest_name__fits_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
