// SPDX-License-Identifier: GPL-2.0-or-later
// A wire of our own records whose crypto library fails: nothing may be sealed with what is left.
#include "record_bed.h"

static int fail_at, calls;

int __real_EVP_MAC_final(EVP_MAC_CTX *ctx, unsigned char *out, size_t *len, size_t room);
int __wrap_EVP_MAC_final(EVP_MAC_CTX *ctx, unsigned char *out, size_t *len, size_t room);

int __wrap_EVP_MAC_final(EVP_MAC_CTX *ctx, unsigned char *out, size_t *len, size_t room)
{
	return ++calls == fail_at ? 0 : __real_EVP_MAC_final(ctx, out, len, room);
}

static const struct record_kind kind = { "TLS_AES_128_GCM_SHA256", true, false };

/* The peer asks twice for a KeyUpdate, and its own keys change with each; the n-th HMAC fails. */
static void check_failure(int n)
{
	struct record_bed b;

	fail_at = 0;
	record_bed_init(&b, &kind, 0);
	far_put_data(&b, "x");
	far_send(&b);
	near_wants(&b, "x");
	assert_int_equal(near_put(&b, "first"), 0);
	far_wants_data(&b, "first");
	far_put_data(&b, "data");
	far_key_update(&b, true);
	far_key_update(&b, true);
	far_send(&b);
	calls = 0;
	fail_at = n;
	near_get(&b);
	assert_true(calls >= n);
	fail_at = 0;
	assert_int_equal(wire_end(b.wire), WIRE_RESET);
	assert_int_equal(near_put(&b, "second"), -EPIPE);
	record_bed_done(&b);
}

static void wire_write__answer_to_a_key_update_failed__seals_nothing(void **state)
{
	(void)state;
	for (int n = 4; n <= 6; n++) /* after the three HMACs for what the peer sends */
		check_failure(n);
}

static void tls_half_update__fails__does_not_count_anew(void **state)
{
	struct tls_kdf *kdf = tls_kdf_new();
	struct tls_half h = { .seq = 5 };

	(void)state;
	assert_int_equal(tls_half_install(kdf, TLS_SUITE_AES_128_GCM, &h), 0);
	h.seq = 5;
	for (int n = 1; n <= 3; n++) {
		calls = 0;
		fail_at = n;
		assert_int_equal(tls_half_update(kdf, TLS_SUITE_AES_128_GCM, &h), -EIO);
		assert_int_equal(h.seq, 5);
	}
	fail_at = 0;
	tls_kdf_free(kdf);
}

/* The end makes no edge of its own. */
static void wire_more__end_behind_the_data__is_true(void **state)
{
	struct record_bed b;

	(void)state;
	fail_at = 0;
	record_bed_init(&b, &kind, 0);
	far_put_data(&b, "x");
	far_send(&b);
	near_wants(&b, "x");
	far_put_data(&b, "y");
	far_put(&b, RECORD_ALERT, (const uint8_t[]){ 1, 0 }, 2, 0);
	far_send(&b);
	assert_int_equal(near_get(&b), 1);
	assert_true(wire_more(b.wire));
	assert_int_equal(near_get(&b), 0);
	assert_int_equal(wire_end(b.wire), WIRE_CLOSED);
	record_bed_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_write__answer_to_a_key_update_failed__seals_nothing),
		cmocka_unit_test(tls_half_update__fails__does_not_count_anew),
		cmocka_unit_test(wire_more__end_behind_the_data__is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
