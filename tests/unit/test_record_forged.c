// SPDX-License-Identifier: GPL-2.0-or-later
// Bad records: each kind of forgery gets its alert, and nothing of it is a content.
#include "wire/record.h"

#include <errno.h>

#include <openssl/evp.h>

#include "record_pair.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* As wire_read() does: the header first. Nothing is handed out unless the record is good. */
static int try_open(void)
{
	size_t got = 4711;
	int body = record_body_len(record), ret;

	if (body < 0)
		return body;
	ret = record_open(&rc, &rx, record, opened, &got);
	assert_true(ret > 0 || got == 4711);
	return ret;
}

/* The forgery changed no state: what comes in its place is taken. */
static void check_still_in_step(void)
{
	size_t got;

	tx.keys.seq = rx.keys.seq;
	forge(&rc, &tx, RECORD_DATA, text, 20, 3, record);
	assert_int_equal(record_open(&rc, &rx, record, opened, &got), RECORD_DATA);
	assert_int_equal(got, 20);
}

static void record_body_len__header_bytes__each_gets_its_alert(void **state)
{
	static const struct {
		uint8_t hdr[RECORD_HDR_LEN];
		int want;
	} cases[] = {
		{ { 23, 3, 3, 0, 0 }, 0 },
		{ { 23, 3, 3, 0, 17 }, 17 },
		{ { 23, 3, 3, 0x41, 0 }, 16640 },
		{ { 23, 3, 3, 0x41, 1 }, -ALERT_RECORD_OVERFLOW },
		{ { 23, 3, 3, 0xff, 0xff }, -ALERT_RECORD_OVERFLOW },
		{ { 20, 3, 3, 0, 1 }, -ALERT_UNEXPECTED_MESSAGE },
		{ { 21, 3, 3, 0, 2 }, -ALERT_UNEXPECTED_MESSAGE },
		{ { 22, 3, 3, 0, 20 }, -ALERT_UNEXPECTED_MESSAGE },
		{ { 24, 3, 3, 0, 20 }, -ALERT_UNEXPECTED_MESSAGE },
		{ { 0, 3, 3, 0, 20 }, -ALERT_UNEXPECTED_MESSAGE },
		{ { 255, 3, 3, 0xff, 0xff }, -ALERT_UNEXPECTED_MESSAGE },
		{ { 22, 3, 1, 0, 20 }, -ALERT_UNEXPECTED_MESSAGE },
		{ { 23, 2, 3, 0, 20 }, -ALERT_PROTOCOL_VERSION },
		{ { 'G', 'E', 'T', ' ', '/' }, -ALERT_PROTOCOL_VERSION },
		{ { 23, 3, 1, 0, 20 }, -ALERT_DECODE_ERROR },
		{ { 23, 3, 4, 0xff, 0xff }, -ALERT_DECODE_ERROR },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (record_body_len(cases[i].hdr) != cases[i].want)
			fail_msg("case %zu: %d, not %d", i, record_body_len(cases[i].hdr),
				 cases[i].want);
}

/* The header's bits are covered by the tag, also where its fields make sense. */
static void record_open__any_header_bit_flipped__is_refused(void **state)
{
	static uint8_t good[FORGE_MAX];
	size_t n = forge(&rc, &tx, RECORD_DATA, text, 300, 0, good);

	(void)state;
	for (size_t bit = 0; bit < 8 * RECORD_HDR_LEN; bit++) {
		memset(record, 0, sizeof(record));
		memcpy(record, good, n);
		record[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(try_open() < 0);
		assert_int_equal(rx.keys.seq, 0);
	}
	check_still_in_step();
}

static void record_open__any_byte_flipped__is_refused(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 1000 };
	static uint8_t good[FORGE_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		size_t n;

		tx.keys.seq = 0;
		n = forge(&rc, &tx, RECORD_DATA, text, sizes[i], 5, good);
		for (size_t at = RECORD_HDR_LEN; at < n; at++) {
			memcpy(record, good, n);
			record[at] ^= 1;
			assert_int_equal(try_open(), -ALERT_BAD_RECORD_MAC);
			record[at] ^= 1 ^ 0x80;
			assert_int_equal(try_open(), -ALERT_BAD_RECORD_MAC);
		}
	}
	assert_int_equal(rx.keys.seq, 0);
	check_still_in_step();
}

static void set_body(size_t n)
{
	record[3] = (uint8_t)(n >> 8);
	record[4] = (uint8_t)n;
}

static void record_open__cut_or_longer__is_refused(void **state)
{
	size_t n = forge(&rc, &tx, RECORD_DATA, text, 40, 2, record) - RECORD_HDR_LEN;

	(void)state;
	memset(record + RECORD_HDR_LEN + n, 0, 300);
	for (size_t len = 0; len < n + 300; len++) {
		set_body(len);
		if (len != n)
			assert_int_equal(try_open(), -ALERT_BAD_RECORD_MAC);
	}
	check_still_in_step();
}

/* A header of the right length over a text that was sealed under a shorter one. */
static void record_open__bytes_moved_between_records__are_refused(void **state)
{
	static uint8_t two[FORGE_MAX];
	size_t n = forge(&rc, &tx, RECORD_DATA, text, 64, 0, record);

	(void)state;
	forge(&rc, &tx, RECORD_DATA, text, 64, 0, two);
	memcpy(record + RECORD_HDR_LEN + 32, two + RECORD_HDR_LEN + 32, n - RECORD_HDR_LEN - 32);
	assert_int_equal(try_open(), -ALERT_BAD_RECORD_MAC);
	check_still_in_step();
}

static void record_open__length_up_to_a_tag__is_refused_unread(void **state)
{
	(void)state;
	for (size_t len = 0; len <= RECORD_TAG_LEN + 1; len++) {
		memset(record, 0, 64);
		record[0] = RECORD_DATA;
		record[1] = record[2] = 3;
		set_body(len);
		assert_int_equal(try_open(), -ALERT_BAD_RECORD_MAC);
	}
	check_still_in_step();
}

/* A good tag over nothing at all, not even a type: only who has the keys can make it. */
static void record_open__sealed_nothing__is_refused(void **state)
{
	static const uint8_t hdr[] = { 23, 3, 3, 0, RECORD_TAG_LEN };
	EVP_CIPHER_CTX *ctx = aead_get(rc.aead, &tx.claim, tx.suite, tx.keys.key, true);
	int n;

	(void)state;
	assert_non_null(ctx);
	memcpy(record, hdr, sizeof(hdr));
	assert_true(EVP_CipherInit_ex2(ctx, NULL, NULL, tx.keys.iv, -1, NULL));
	assert_true(EVP_CipherUpdate(ctx, NULL, &n, hdr, sizeof(hdr)));
	assert_true(EVP_CipherFinal_ex(ctx, record + RECORD_HDR_LEN, &n));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, RECORD_TAG_LEN,
					record + RECORD_HDR_LEN));
	assert_int_equal(try_open(), -ALERT_BAD_RECORD_MAC);
	assert_int_equal(rx.keys.seq, 0);
	check_still_in_step();
}

static void record_open__wrong_sequence__is_refused(void **state)
{
	static uint8_t first[FORGE_MAX];
	size_t n = forge(&rc, &tx, RECORD_DATA, text, 10, 0, first);

	(void)state;
	forge(&rc, &tx, RECORD_DATA, text, 10, 0, record); /* the first one is left out */
	assert_int_equal(try_open(), -ALERT_BAD_RECORD_MAC);
	memcpy(record, first, n);
	assert_int_equal(try_open(), RECORD_DATA);
	assert_int_equal(try_open(), -ALERT_BAD_RECORD_MAC); /* again */
	assert_int_equal(rx.keys.seq, 1);
	check_still_in_step();
}

static void record_open__wrong_key__is_refused(void **state)
{
	const enum tls_suite suite = *(enum tls_suite *)*state;
	struct tls_half keys = forge_keys(&rc, suite, 2);
	struct record_dir other;

	record_dir_init(&other, suite, &keys, true);
	forge(&rc, &other, RECORD_DATA, text, 10, 0, record);
	assert_int_equal(try_open(), -ALERT_BAD_RECORD_MAC);
	record_dir_done(&rc, &other);
	check_still_in_step();
}

/* Well sealed, but no content that TLS 1.3 has. */
static void record_open__bad_inner_plaintext__gets_its_alert(void **state)
{
	static const struct {
		unsigned type;
		size_t n, pad;
		int want;
	} cases[] = {
		{ 0, 0, 0, -ALERT_UNEXPECTED_MESSAGE },
		{ 0, 0, 1, -ALERT_UNEXPECTED_MESSAGE },
		{ 0, 0, 16384, -ALERT_UNEXPECTED_MESSAGE },
		{ 20, 1, 0, -ALERT_UNEXPECTED_MESSAGE },
		{ 24, 5, 0, -ALERT_UNEXPECTED_MESSAGE },
		{ 255, 5, 7, -ALERT_UNEXPECTED_MESSAGE },
		{ 1, 0, 0, -ALERT_UNEXPECTED_MESSAGE },
		{ 23 + 128, 9, 0, -ALERT_UNEXPECTED_MESSAGE },
		{ RECORD_ALERT, 0, 0, -ALERT_UNEXPECTED_MESSAGE },
		{ RECORD_ALERT, 0, 50, -ALERT_UNEXPECTED_MESSAGE },
		{ RECORD_HANDSHAKE, 0, 0, -ALERT_UNEXPECTED_MESSAGE },
		{ RECORD_HANDSHAKE, 0, 9, -ALERT_UNEXPECTED_MESSAGE },
		{ RECORD_DATA, 16385, 0, -ALERT_RECORD_OVERFLOW },
		{ RECORD_DATA, 16400, 100, -ALERT_RECORD_OVERFLOW },
		{ RECORD_HANDSHAKE, 16385, 0, -ALERT_RECORD_OVERFLOW },
		{ RECORD_DATA, 16640 - 17, 0, -ALERT_RECORD_OVERFLOW },
		{ RECORD_DATA, 16640 - 16, 0, -ALERT_RECORD_OVERFLOW }, /* the header says it */
		{ RECORD_DATA, 16384, 239, RECORD_DATA },
		{ RECORD_DATA, 0, 0, RECORD_DATA },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int got;

		tx.keys.seq = rx.keys.seq;
		forge(&rc, &tx, cases[i].type, text, cases[i].n, cases[i].pad, record);
		got = try_open();
		if (got != cases[i].want)
			fail_msg("case %zu: %d, not %d", i, got, cases[i].want);
	}
	check_still_in_step();
}

static enum tls_suite suites[] = { TLS_SUITE_AES_128_GCM, TLS_SUITE_AES_256_GCM,
				   TLS_SUITE_CHACHA20_POLY1305 };

#define KIND(f, i)                                                                                 \
	{                                                                                          \
#f, f, set_up, tear_down, &suites[i]                                               \
	}
#define EACH(f) KIND(f, 0), KIND(f, 1), KIND(f, 2)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND(record_body_len__header_bytes__each_gets_its_alert, 0),
		EACH(record_open__any_header_bit_flipped__is_refused),
		EACH(record_open__any_byte_flipped__is_refused),
		EACH(record_open__cut_or_longer__is_refused),
		EACH(record_open__bytes_moved_between_records__are_refused),
		EACH(record_open__length_up_to_a_tag__is_refused_unread),
		EACH(record_open__sealed_nothing__is_refused),
		EACH(record_open__wrong_sequence__is_refused),
		EACH(record_open__wrong_key__is_refused),
		EACH(record_open__bad_inner_plaintext__gets_its_alert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
