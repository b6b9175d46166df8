// SPDX-License-Identifier: GPL-2.0-or-later
// Messages after the handshake, whole and in pieces, and what is none.
#include "wire/post_handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "wire/record.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Feeds records written as "HEX HEX", each a record; what the last one gave, or the first alert. */
static int feed(struct post_handshake *ph, bool client, const char *records)
{
	char copy[256], *rest = copy, *record;
	int events = 0;

	strncpy(copy, records, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = 0;
	while (events >= 0 && (record = strsep(&rest, " "))) {
		uint8_t p[HEX_MAX];
		size_t n = hex_get(record, p);

		events = post_handshake_feed(ph, client, p, n);
	}
	return events;
}

static void post_handshake_feed__client__takes_tickets_and_key_updates(void **state)
{
	static const struct {
		const char *records;
		int want;
		bool midway;
	} cases[] = {
		{ "0400000301020304000002aabb", POST_TICKET, false },
		{ "04000000", 0, false }, /* empty: OpenSSL's to refuse */
		{ "04", 0, true },
		{ "04000003", 0, true },
		{ "04000003 01", POST_TICKET, true },
		{ "04000003 01 0203", POST_TICKET, false },
		{ "04 00 00 03 01 02 03", POST_TICKET, false },
		{ "04000001aa04 000001bb", POST_TICKET, false },
		{ "04000001aa04000001 bb", POST_TICKET, false },
		{ "1800000100", POST_KEY_UPDATE, false },
		{ "1800000101", POST_KEY_UPDATE | POST_REQUESTED, false },
		{ "18 00 00 01 01", POST_KEY_UPDATE | POST_REQUESTED, false },
		{ "18000001 01", POST_KEY_UPDATE | POST_REQUESTED, false },
		{ "18000001", 0, true },
		{ "04000002010218000001 00", POST_KEY_UPDATE, false },
		{ "0400000201021800000101", POST_TICKET | POST_KEY_UPDATE | POST_REQUESTED, false },
		{ "1800000101 04000001aa", POST_TICKET, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct post_handshake ph = { 0 };
		int got = feed(&ph, true, cases[i].records);

		if (got != cases[i].want || post_handshake_midway(&ph) != cases[i].midway)
			fail_msg("\"%s\": %d", cases[i].records, got);
	}
}

static void post_handshake_feed__bad_messages__get_their_alerts(void **state)
{
	static const struct {
		const char *records;
		int client, server;
	} cases[] = {
		{ "18000000", -ALERT_DECODE_ERROR, -ALERT_DECODE_ERROR },
		{ "1800000000", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "18000002", -ALERT_ILLEGAL_PARAMETER, -ALERT_ILLEGAL_PARAMETER },
		{ "18010001", -ALERT_ILLEGAL_PARAMETER, -ALERT_ILLEGAL_PARAMETER },
		{ "18000100", -ALERT_ILLEGAL_PARAMETER, -ALERT_ILLEGAL_PARAMETER },
		{ "18ffffff", -ALERT_ILLEGAL_PARAMETER, -ALERT_ILLEGAL_PARAMETER },
		{ "1800000102", -ALERT_ILLEGAL_PARAMETER, -ALERT_ILLEGAL_PARAMETER },
		{ "18 000001ff", -ALERT_ILLEGAL_PARAMETER, -ALERT_ILLEGAL_PARAMETER },
		{ "180000010018", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "180000010204", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "18000001001800000100", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "18000001 0000", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "04000001aa", POST_TICKET, -ALERT_UNEXPECTED_MESSAGE },
		{ "0402010a", 0, -ALERT_UNEXPECTED_MESSAGE }, /* 131338 bytes to come */
		{ "0402010b", -ALERT_ILLEGAL_PARAMETER, -ALERT_UNEXPECTED_MESSAGE },
		{ "04ffffff", -ALERT_ILLEGAL_PARAMETER, -ALERT_UNEXPECTED_MESSAGE },
		{ "00000000", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "01000001", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "0d000003", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "14 000020", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "ff 0000 00", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
		{ "04000001aaff000000", -ALERT_UNEXPECTED_MESSAGE, -ALERT_UNEXPECTED_MESSAGE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct post_handshake c = { 0 }, s = { 0 };
		int client = feed(&c, true, cases[i].records);
		int server = feed(&s, false, cases[i].records);

		if (client != cases[i].client || server != cases[i].server)
			fail_msg("\"%s\": %d, %d", cases[i].records, client, server);
	}
}

/* Every message type but the two. */
static void post_handshake_feed__other_types__are_unexpected(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		const uint8_t hdr[] = { (uint8_t)type, 0, 0, 1 };
		struct post_handshake c = { 0 }, s = { 0 };
		int client = post_handshake_feed(&c, true, hdr, sizeof(hdr));
		int server = post_handshake_feed(&s, false, hdr, sizeof(hdr));

		assert_int_equal(client, type == 4 || type == 24 ? 0 : -ALERT_UNEXPECTED_MESSAGE);
		assert_int_equal(server, type == 24 ? 0 : -ALERT_UNEXPECTED_MESSAGE);
	}
}

/* A long ticket between two short ones, cut everywhere: it always ends where it ends. */
static void post_handshake_feed__pieces_of_any_size__end_where_messages_do(void **state)
{
	enum { LONG = 70000 };
	static uint8_t stream[LONG + 2 * 5 + 4];

	(void)state;
	memcpy(stream, (const uint8_t[]){ 4, 0, 0, 1, 24, 4, 1, 0x11, 0x70 }, 9);
	memcpy(stream + 9 + LONG, (const uint8_t[]){ 4, 0, 0, 1, 24 }, 5);
	for (size_t piece = 1; piece < 40000; piece = piece * 3 + 1) {
		struct post_handshake ph = { 0 };

		for (size_t at = 0; at < sizeof(stream); at += piece) {
			size_t left = sizeof(stream) - at, n = left < piece ? left : piece;
			int events = post_handshake_feed(&ph, true, stream + at, n);
			size_t end = at + n;
			bool between = end == 5 || end == 9 + LONG || end == sizeof(stream);

			assert_true(events == 0 || events == POST_TICKET);
			assert_int_equal(post_handshake_midway(&ph), !between);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(post_handshake_feed__client__takes_tickets_and_key_updates),
		cmocka_unit_test(post_handshake_feed__bad_messages__get_their_alerts),
		cmocka_unit_test(post_handshake_feed__other_types__are_unexpected),
		cmocka_unit_test(post_handshake_feed__pieces_of_any_size__end_where_messages_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
