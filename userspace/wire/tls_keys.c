// SPDX-License-Identifier: GPL-2.0-or-later
// Traffic secrets to keys: HKDF-Expand-Label with the suite's hash.
#include "wire/tls_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/be.h"
#include "base/secret.h"

#define LABEL_MAX 32

static const struct suite {
	const char *name, *digest;
	uint8_t secret_len, key_len;
} suites[TLS_SUITES] = {
	{ "TLS_AES_128_GCM_SHA256", "SHA256", 32, 16 },
	{ "TLS_AES_256_GCM_SHA384", "SHA384", 48, 32 },
	{ "TLS_CHACHA20_POLY1305_SHA256", "SHA256", 32, 32 },
};

/* An HMAC ready to be keyed, for each suite's hash. */
struct tls_kdf {
	EVP_MAC_CTX *hmac[TLS_SUITES];
};

static const struct suite *of(enum tls_suite s)
{
	return &suites[s - TLS_SUITE_AES_128_GCM];
}

enum tls_suite tls_suite_of(unsigned iana)
{
	return iana - TLS_SUITE_AES_128_GCM < TLS_SUITES ? (enum tls_suite)iana : 0;
}

const char *tls_suite_name(enum tls_suite s)
{
	return of(s)->name;
}

unsigned tls_secret_len(enum tls_suite s)
{
	return of(s)->secret_len;
}

unsigned tls_key_len(enum tls_suite s)
{
	return of(s)->key_len;
}

static EVP_MAC_CTX *hmac_new(EVP_MAC *mac, const char *digest)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	if (ctx && EVP_MAC_CTX_set_params(ctx, params))
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

struct tls_kdf *tls_kdf_new(void)
{
	struct tls_kdf *k = calloc(1, sizeof(*k));
	EVP_MAC *mac = k ? EVP_MAC_fetch(NULL, "HMAC", NULL) : NULL;

	for (unsigned i = 0; k && i < TLS_SUITES; i++) {
		k->hmac[i] = hmac_new(mac, suites[i].digest);
		if (k->hmac[i])
			continue;
		tls_kdf_free(k);
		k = NULL;
	}
	EVP_MAC_free(mac);
	return k;
}

void tls_kdf_free(struct tls_kdf *k)
{
	if (!k)
		return;
	for (unsigned i = 0; i < TLS_SUITES; i++)
		EVP_MAC_CTX_free(k->hmac[i]);
	free(k);
}

/*
 * HKDF-Expand-Label(secret, label, "", n) for n up to the hash's length: one block of HKDF-Expand
 * is all it takes (RFC 5869, 2.3). NULL stands for the secret of the last call, and costs less.
 */
static int expand_label(struct tls_kdf *k, enum tls_suite s, const uint8_t *secret,
			const char *label, uint8_t *ret, size_t n)
{
	EVP_MAC_CTX *hmac = k->hmac[s - TLS_SUITE_AES_128_GCM];
	uint8_t info[LABEL_MAX], block[EVP_MAX_MD_SIZE];
	size_t len = strlen(label), got;

	put_be16(info, (uint16_t)n);
	info[2] = (uint8_t)len;
	memcpy(info + 3, label, len);
	info[3 + len] = 0; /* no context */
	info[4 + len] = 1; /* the first block */
	if (!EVP_MAC_init(hmac, secret, secret ? of(s)->secret_len : 0, NULL) ||
	    !EVP_MAC_update(hmac, info, 5 + len) ||
	    !EVP_MAC_final(hmac, block, &got, sizeof(block)) || got < n)
		return -EIO;
	memcpy(ret, block, n);
	secret_wipe(block, sizeof(block));
	return 0;
}

int tls_half_install(struct tls_kdf *k, enum tls_suite s, struct tls_half *h)
{
	if (expand_label(k, s, h->secret, "tls13 key", h->key, of(s)->key_len) < 0 ||
	    expand_label(k, s, NULL, "tls13 iv", h->iv, TLS_IV_LEN) < 0)
		return -EIO;
	h->seq = 0; /* last: never a number twice under one key */
	return 0;
}

int tls_half_update(struct tls_kdf *k, enum tls_suite s, struct tls_half *h)
{
	uint8_t next[TLS_SECRET_MAX];

	if (expand_label(k, s, h->secret, "tls13 traffic upd", next, of(s)->secret_len) < 0)
		return -EIO;
	memcpy(h->secret, next, of(s)->secret_len);
	secret_wipe(next, sizeof(next));
	return tls_half_install(k, s, h);
}
