// SPDX-License-Identifier: GPL-2.0-or-later
// A few AEAD contexts, lent to whoever seals or opens records.
#include "wire/aead.h"

#include <stdlib.h>

#include <openssl/evp.h>

#define SLOTS 256 /* enough for all that moves bulk at the same time */

struct slot {
	EVP_CIPHER_CTX *ctx;
	uint64_t id; /* of the claim that has it; 0: nobody */
	enum tls_suite suite;
};

struct aead {
	EVP_CIPHER *cipher[TLS_SUITES];
	struct slot slots[SLOTS];
	uint32_t hand; /* whose turn it is to be taken away */
	uint64_t last_id;
};

struct aead *aead_new(void)
{
	static const char *const names[TLS_SUITES] = { "AES-128-GCM", "AES-256-GCM",
						       "ChaCha20-Poly1305" };
	struct aead *a = calloc(1, sizeof(*a));

	for (unsigned i = 0; a && i < TLS_SUITES; i++) {
		a->cipher[i] = EVP_CIPHER_fetch(NULL, names[i], NULL);
		if (a->cipher[i])
			continue;
		aead_free(a);
		a = NULL;
	}
	return a;
}

void aead_free(struct aead *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		EVP_CIPHER_CTX_free(a->slots[i].ctx);
	for (unsigned i = 0; i < TLS_SUITES; i++)
		EVP_CIPHER_free(a->cipher[i]);
	free(a);
}

/* Keys a slot's context anew; naming the cipher again would make OpenSSL allocate again. */
static bool rekey(struct aead *a, struct slot *slot, enum tls_suite s, const uint8_t *key,
		  bool seal)
{
	EVP_CIPHER *cipher = a->cipher[s - TLS_SUITE_AES_128_GCM];

	if (!slot->ctx)
		slot->ctx = EVP_CIPHER_CTX_new();
	if (!slot->ctx ||
	    !EVP_CipherInit_ex2(slot->ctx, slot->suite == s ? NULL : cipher, key, NULL, seal, NULL))
		return false;
	slot->suite = s;
	return true;
}

EVP_CIPHER_CTX *aead_get(struct aead *a, struct aead_claim *c, enum tls_suite s, const uint8_t *key,
			 bool seal)
{
	struct slot *slot = &a->slots[c->slot];

	if (c->id && slot->id == c->id)
		return slot->ctx;
	c->slot = a->hand;
	a->hand = (a->hand + 1) % SLOTS;
	slot = &a->slots[c->slot];
	slot->id = 0;
	if (!rekey(a, slot, s, key, seal))
		return NULL;
	c->id = slot->id = ++a->last_id;
	return slot->ctx;
}

void aead_drop(struct aead *a, struct aead_claim *c)
{
	struct slot *slot = &a->slots[c->slot];

	if (c->id && slot->id == c->id) {
		EVP_CIPHER_CTX_reset(slot->ctx);
		slot->suite = 0;
		slot->id = 0;
	}
	c->id = 0;
}
