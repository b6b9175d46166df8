// SPDX-License-Identifier: GPL-2.0-or-later
// Lent contexts: kept while nobody else needs them, taken away in turn, and never with an old key.
#include "wire/aead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/clock.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MANY	 300 /* more than there are contexts */

static const enum tls_suite suites[] = { TLS_SUITE_AES_128_GCM, TLS_SUITE_AES_256_GCM,
					 TLS_SUITE_CHACHA20_POLY1305 };

struct user {
	struct aead_claim claim;
	enum tls_suite suite;
	uint8_t key[TLS_KEY_MAX];
	bool seal;
};

static struct aead *aead;
static struct user users[MANY];

static int set_up(void **state)
{
	(void)state;
	clock_freeze_ms(1000);
	aead = aead_new();
	for (size_t i = 0; i < MANY; i++) {
		users[i] = (struct user){ .suite = suites[i % COUNT(suites)], .seal = i / 3 % 2 };
		memset(users[i].key, (int)(i / 6), sizeof(users[i].key));
		users[i].key[0] = (uint8_t)(i % 251);
	}
	return aead ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	aead_free(aead);
	aead_free(NULL);
	clock_freeze_ms(0);
	return 0;
}

/* What the context makes of zeros; seal and open are the same stream. */
static void stream(EVP_CIPHER_CTX *ctx, uint8_t out[static 32])
{
	static const uint8_t nonce[TLS_IV_LEN] = { 1 }, zeros[32];
	int n;

	assert_non_null(ctx);
	assert_true(EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, -1, NULL));
	assert_true(EVP_CipherUpdate(ctx, out, &n, zeros, sizeof(zeros)));
	assert_int_equal(n, sizeof(zeros));
}

/* So slowly that there is no reason for more contexts. */
static EVP_CIPHER_CTX *get_later(struct user *u)
{
	clock_freeze_ms(clock_now_ms() + 1);
	return aead_get(aead, &u->claim, u->suite, u->key, u->seal);
}

/* The user's context has the user's cipher, key and direction. */
static void check_context(struct user *u)
{
	static const char *const names[] = { "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305" };
	EVP_CIPHER_CTX *ctx = get_later(u);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, names[u->suite - suites[0]], NULL);
	EVP_CIPHER_CTX *fresh = EVP_CIPHER_CTX_new();
	uint8_t got[32], want[32];

	assert_true(EVP_CipherInit_ex2(fresh, cipher, u->key, NULL, u->seal, NULL));
	stream(ctx, got);
	stream(fresh, want);
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(EVP_CIPHER_CTX_is_encrypting(ctx), u->seal);
	EVP_CIPHER_CTX_free(fresh);
	EVP_CIPHER_free(cipher);
}

static void aead_get__more_users_than_contexts__each_has_its_own_key(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < MANY; i++)
			check_context(&users[i * 7 % MANY]);
}

static void aead_get__all_within_a_moment__all_keep_their_contexts(void **state)
{
	EVP_CIPHER_CTX *had[MANY];
	unsigned kept = 0;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		struct user *u = &users[i];

		had[i] = aead_get(aead, &u->claim, u->suite, u->key, u->seal);
		assert_non_null(had[i]);
	}
	for (size_t i = 0; i < MANY; i++) {
		struct user *u = &users[i];

		kept += aead_get(aead, &u->claim, u->suite, u->key, u->seal) == had[i];
		check_context(u);
	}
	assert_int_equal(kept, MANY);
	for (size_t i = 0; i < MANY; i++)
		aead_drop(aead, &users[i].claim);
	for (size_t i = 0; i < MANY; i++)
		check_context(&users[i]);
}

static void aead_get__again__is_the_same_context(void **state)
{
	struct user *u = &users[0], *other = &users[1];
	EVP_CIPHER_CTX *ctx = aead_get(aead, &u->claim, u->suite, u->key, u->seal);
	uint64_t id = u->claim.id;

	(void)state;
	assert_non_null(aead_get(aead, &other->claim, other->suite, other->key, other->seal));
	assert_ptr_equal(aead_get(aead, &u->claim, u->suite, u->key, u->seal), ctx);
	assert_int_equal(u->claim.id, id);
}

/* After a drop the same claim asks with the next key, as a KeyUpdate does. */
static void aead_drop__then_another_key__is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		check_context(&users[i]);
		aead_drop(aead, &users[i].claim);
		users[i].key[1] ^= 0x55;
		check_context(&users[i]);
	}
}

/* Somebody else may have got the context meanwhile: it stays theirs. */
static void aead_drop__of_a_context_taken_away__leaves_it(void **state)
{
	struct user *u = &users[0];
	EVP_CIPHER_CTX *ctx;

	(void)state;
	check_context(u);
	for (size_t i = 1; i < MANY; i++)
		check_context(&users[i]);
	for (size_t i = 1; i < MANY; i++)
		if (users[i].claim.slot == u->claim.slot)
			u = &users[i];
	assert_ptr_not_equal(u, &users[0]);
	ctx = aead_get(aead, &u->claim, u->suite, u->key, u->seal);
	aead_drop(aead, &users[0].claim);
	aead_drop(aead, &users[0].claim);
	assert_ptr_equal(aead_get(aead, &u->claim, u->suite, u->key, u->seal), ctx);
	check_context(u);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(aead_get__more_users_than_contexts__each_has_its_own_key),
		TEST(aead_get__all_within_a_moment__all_keep_their_contexts),
		TEST(aead_get__again__is_the_same_context),
		TEST(aead_drop__then_another_key__is_taken),
		TEST(aead_drop__of_a_context_taken_away__leaves_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
