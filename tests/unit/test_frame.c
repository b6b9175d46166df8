// SPDX-License-Identifier: GPL-2.0-or-later
// Frame headers: the vectors of the protocol notes, and names.
#include "proto/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"

static const struct {
	const char *hex;
	struct frame_hdr hdr;
} vectors[] = {
	{ "00000000000003", { FRAME_WASTE, 0, 3 } },
	{ "01000000020000", { FRAME_SYN, 2, 0 } },
	{ "02000000010007", { FRAME_PSH, 1, 7 } },
	{ "02000000010013", { FRAME_PSH, 1, 19 } },
	{ "0200000002001b", { FRAME_PSH, 2, 27 } },
	{ "03000000010000", { FRAME_FIN, 1, 0 } },
	{ "04000000000043", { FRAME_SETTINGS, 0, 67 } },
	{ "05000000000020", { FRAME_ALERT, 0, 32 } },
	{ "06000000000089", { FRAME_UPDATE_PADDING, 0, 137 } },
	{ "07000000010000", { FRAME_SYNACK, 1, 0 } },
	{ "07000000010012", { FRAME_SYNACK, 1, 18 } },
	{ "08000000000000", { FRAME_HEART_REQUEST, 0, 0 } },
	{ "09000000070000", { FRAME_HEART_RESPONSE, 7, 0 } },
	{ "0a000000000003", { FRAME_SERVER_SETTINGS, 0, 3 } },
	{ "02ffffffffffff", { FRAME_PSH, UINT32_MAX, 65535 } },
	{ "02010203040506", { FRAME_PSH, 0x01020304, 0x0506 } },
};
#define N_VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void frame_get__vectors__give_fields(void **state)
{
	uint8_t bytes[HEX_MAX];
	struct frame_hdr hdr;

	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		assert_int_equal(hex_get(vectors[i].hex, bytes), FRAME_HDR_LEN);
		frame_get(bytes, &hdr);
		assert_int_equal(hdr.cmd, vectors[i].hdr.cmd);
		assert_int_equal(hdr.stream_id, vectors[i].hdr.stream_id);
		assert_int_equal(hdr.len, vectors[i].hdr.len);
	}
}

static void frame_put__vectors__give_bytes(void **state)
{
	uint8_t bytes[FRAME_HDR_LEN];
	char hex[2 * HEX_MAX + 1];

	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		frame_put(bytes, vectors[i].hdr.cmd, vectors[i].hdr.stream_id, vectors[i].hdr.len);
		assert_string_equal(hex_put(bytes, sizeof(bytes), hex), vectors[i].hex);
	}
}

static void frame_get__unknown_command__is_kept(void **state)
{
	static const uint8_t bytes[FRAME_HDR_LEN] = { 77, 0, 0, 0, 9, 0, 5 };
	struct frame_hdr hdr;

	(void)state;
	frame_get(bytes, &hdr);
	assert_int_equal(hdr.cmd, 77);
	assert_int_equal(hdr.stream_id, 9);
	assert_int_equal(hdr.len, 5);
}

static void frame_name__known_commands__have_own_names(void **state)
{
	(void)state;
	for (uint8_t a = 0; a <= FRAME_SERVER_SETTINGS; a++) {
		assert_string_not_equal(frame_name(a), "unknown");
		for (uint8_t b = 0; b < a; b++)
			assert_string_not_equal(frame_name(a), frame_name(b));
	}
	assert_string_equal(frame_name(FRAME_PSH), "PSH");
	assert_string_equal(frame_name(FRAME_SYNACK), "SYNACK");
}

static void frame_name__other_commands__are_unknown(void **state)
{
	(void)state;
	assert_string_equal(frame_name(FRAME_SERVER_SETTINGS + 1), "unknown");
	assert_string_equal(frame_name(255), "unknown");
}

static void frame_sizes__bulk_and_record__fill_whole_records(void **state)
{
	(void)state;
	assert_int_equal((FRAME_DATA_BULK + FRAME_HDR_LEN) % 16384, 0);
	assert_int_equal(FRAME_DATA_RECORD + FRAME_HDR_LEN, 16384);
	assert_true(FRAME_DATA_BULK <= FRAME_DATA_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_get__vectors__give_fields),
		cmocka_unit_test(frame_put__vectors__give_bytes),
		cmocka_unit_test(frame_get__unknown_command__is_kept),
		cmocka_unit_test(frame_name__known_commands__have_own_names),
		cmocka_unit_test(frame_name__other_commands__are_unknown),
		cmocka_unit_test(frame_sizes__bulk_and_record__fill_whole_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
