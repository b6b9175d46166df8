// SPDX-License-Identifier: GPL-2.0-or-later
// The authentication preamble at every length, against the vectors of the protocol notes.
#include "proto/preamble.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/sha.h>

#include "hex.h"

static const char password_hash[] =
	"5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

static void preamble_put__no_padding__matches_vector(void **state)
{
	uint8_t hash[PREAMBLE_HASH_LEN], out[PREAMBLE_HDR_LEN];
	char hex[2 * HEX_MAX + 1], want[80];

	(void)state;
	SHA256((const uint8_t *)"password", 8, hash);
	snprintf(want, sizeof(want), "%s0000", password_hash);
	assert_int_equal(preamble_put(out, hash, 0), PREAMBLE_HDR_LEN);
	assert_string_equal(hex_put(out, sizeof(out), hex), want);
}

static void preamble_put__padding_of_30__is_zeros(void **state)
{
	uint8_t hash[HEX_MAX], out[PREAMBLE_HDR_LEN + 31];
	static const uint8_t zeros[30];

	(void)state;
	hex_get(password_hash, hash);
	memset(out, 0xee, sizeof(out));
	assert_int_equal(preamble_put(out, hash, 30), 64);
	assert_memory_equal(out, hash, 32);
	assert_int_equal(out[32], 0);
	assert_int_equal(out[33], 30);
	assert_memory_equal(out + 34, zeros, 30);
	assert_int_equal(out[64], 0xee);
}

static void preamble_put__non_ascii_password__hashes_utf8(void **state)
{
	static const char password[] = "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c";
	uint8_t hash[PREAMBLE_HASH_LEN], out[PREAMBLE_HDR_LEN];
	char hex[2 * HEX_MAX + 1];

	(void)state;
	SHA256((const uint8_t *)password, sizeof(password) - 1, hash);
	preamble_put(out, hash, 0);
	assert_string_equal(hex_put(out, PREAMBLE_HASH_LEN, hex),
			    "2dbc574daca52689a24fb60e835f8c19a36400830df7350859dd32d1abaaec5d");
}

static void preamble_put__longest_padding__round_trips(void **state)
{
	static const uint8_t hash[PREAMBLE_HASH_LEN] = { 1, 2, 3 };
	uint8_t *out = malloc(PREAMBLE_HDR_LEN + 65535);

	(void)state;
	assert_non_null(out);
	assert_int_equal(preamble_put(out, hash, 65535), PREAMBLE_HDR_LEN + 65535);
	assert_int_equal(preamble_padding(out, PREAMBLE_HDR_LEN), 65535);
	free(out);
}

static void preamble_padding__every_shorter_prefix__wants_more(void **state)
{
	uint8_t bytes[PREAMBLE_HDR_LEN] = { [32] = 0x12, [33] = 0x34 };

	(void)state;
	for (size_t n = 0; n < PREAMBLE_HDR_LEN; n++)
		assert_int_equal(preamble_padding(bytes, n), -EAGAIN);
	assert_int_equal(preamble_padding(bytes, PREAMBLE_HDR_LEN), 0x1234);
}

static void preamble_padding__more_bytes_behind__are_ignored(void **state)
{
	uint8_t bytes[PREAMBLE_HDR_LEN + 7] = { [34] = 4 };

	(void)state;
	assert_int_equal(preamble_padding(bytes, sizeof(bytes)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preamble_put__no_padding__matches_vector),
		cmocka_unit_test(preamble_put__padding_of_30__is_zeros),
		cmocka_unit_test(preamble_put__non_ascii_password__hashes_utf8),
		cmocka_unit_test(preamble_put__longest_padding__round_trips),
		cmocka_unit_test(preamble_padding__every_shorter_prefix__wants_more),
		cmocka_unit_test(preamble_padding__more_bytes_behind__are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
