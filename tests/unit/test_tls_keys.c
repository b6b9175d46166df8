// SPDX-License-Identifier: GPL-2.0-or-later
// Keys against the traces of RFC 8448, and against OpenSSL's own key derivation for every suite.
#include "wire/tls_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "hex.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct tls_kdf *kdf;

static int set_up(void **state)
{
	(void)state;
	kdf = tls_kdf_new();
	return kdf ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tls_kdf_free(kdf);
	tls_kdf_free(NULL);
	return 0;
}

static void assert_bytes(const uint8_t *got, const char *want)
{
	uint8_t bytes[HEX_MAX];
	size_t n = hex_get(want, bytes);

	assert_memory_equal(got, bytes, n);
}

/* RFC 8448, 3: "derive write traffic keys for application data". */
static void tls_half_install__rfc8448_secrets__give_its_keys(void **state)
{
	static const struct {
		const char *secret, *key, *iv;
	} traces[] = {
		{ "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
		  "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9" },
		{ "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
		  "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(traces); i++) {
		struct tls_half h = { .seq = 7 };
		uint8_t secret[HEX_MAX];

		assert_int_equal(hex_get(traces[i].secret, secret), 32);
		memcpy(h.secret, secret, 32);
		assert_int_equal(tls_half_install(kdf, TLS_SUITE_AES_128_GCM, &h), 0);
		assert_bytes(h.key, traces[i].key);
		assert_bytes(h.iv, traces[i].iv);
		assert_bytes(h.secret, traces[i].secret);
		assert_int_equal(h.seq, 0);
	}
}

/* What OpenSSL makes of it: HKDF-Expand-Label(secret, label, "", n). */
static void reference(const char *digest, const uint8_t *secret, size_t n_secret, const char *label,
		      uint8_t *ret, size_t n)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, n_secret),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (char *)"tls13 ", 6),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (char *)label,
						  strlen(label)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *method = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(method);

	assert_non_null(ctx);
	assert_int_equal(EVP_KDF_derive(ctx, ret, n, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(method);
}

static const struct {
	enum tls_suite suite;
	const char *name, *digest;
	unsigned secret_len, key_len;
} suites[] = {
	{ TLS_SUITE_AES_128_GCM, "TLS_AES_128_GCM_SHA256", "SHA256", 32, 16 },
	{ TLS_SUITE_AES_256_GCM, "TLS_AES_256_GCM_SHA384", "SHA384", 48, 32 },
	{ TLS_SUITE_CHACHA20_POLY1305, "TLS_CHACHA20_POLY1305_SHA256", "SHA256", 32, 32 },
};

/* Five generations of each suite, so that every key and secret is made of the one before. */
static void tls_half_update__any_suite__agrees_with_openssl(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(suites); i++) {
		struct tls_half h = { 0 };
		uint8_t secret[TLS_SECRET_MAX], key[TLS_KEY_MAX], iv[TLS_IV_LEN];
		unsigned n = suites[i].secret_len;

		for (unsigned at = 0; at < n; at++)
			secret[at] = (uint8_t)(at * 37 + i);
		memcpy(h.secret, secret, n);
		assert_int_equal(tls_half_install(kdf, suites[i].suite, &h), 0);
		for (int generation = 0; generation < 5; generation++) {
			reference(suites[i].digest, secret, n, "key", key, suites[i].key_len);
			reference(suites[i].digest, secret, n, "iv", iv, sizeof(iv));
			assert_memory_equal(h.secret, secret, n);
			assert_memory_equal(h.key, key, suites[i].key_len);
			assert_memory_equal(h.iv, iv, sizeof(iv));
			assert_int_equal(h.seq, 0);
			reference(suites[i].digest, secret, n, "traffic upd", secret, n);
			h.seq = 1000;
			assert_int_equal(tls_half_update(kdf, suites[i].suite, &h), 0);
		}
	}
}

static void tls_suite_of__registry_numbers__are_known_or_none(void **state)
{
	static const unsigned others[] = { 0,	   0x1300, 0x1304, 0x1305,     0x1401,
					   0xc02b, 0x0301, 0xffff, UINT32_MAX, 0x11301 };

	(void)state;
	for (size_t i = 0; i < COUNT(suites); i++) {
		assert_int_equal(tls_suite_of(0x1301 + (unsigned)i), suites[i].suite);
		assert_string_equal(tls_suite_name(suites[i].suite), suites[i].name);
		assert_int_equal(tls_secret_len(suites[i].suite), suites[i].secret_len);
		assert_int_equal(tls_key_len(suites[i].suite), suites[i].key_len);
	}
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(tls_suite_of(others[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_half_install__rfc8448_secrets__give_its_keys),
		cmocka_unit_test(tls_half_update__any_suite__agrees_with_openssl),
		cmocka_unit_test(tls_suite_of__registry_numbers__are_known_or_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
