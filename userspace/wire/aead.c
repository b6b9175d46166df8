// SPDX-License-Identifier: GPL-2.0-or-later
// A few AEAD contexts, lent to whoever seals or opens records.
#include "wire/aead.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/clock.h"

#define SLOTS	  256  /* enough for all that moves bulk at the same time */
#define SLOTS_MAX 4096 /* for many that move a little: 5 MiB */
#define TURN_MS	  100  /* when all of n were taken away within so long, n are too few */

struct slot {
	EVP_CIPHER_CTX *ctx;
	uint64_t id; /* of the claim that has it; 0: nobody */
	enum tls_suite suite;
	uint64_t at_ms; /* when it was claimed */
};

struct aead {
	EVP_CIPHER *cipher[TLS_SUITES];
	struct slot *slots;
	uint32_t n, room;
	uint32_t hand; /* whose turn it is to be taken away */
	uint64_t last_id;
};

struct aead *aead_new(void)
{
	static const char *const names[TLS_SUITES] = { "AES-128-GCM", "AES-256-GCM",
						       "ChaCha20-Poly1305" };
	struct aead *a = calloc(1, sizeof(*a));

	if (a) {
		a->slots = calloc(SLOTS, sizeof(*a->slots));
		a->n = a->room = a->slots ? SLOTS : 0;
	}
	if (a && !a->slots) {
		aead_free(a);
		return NULL;
	}
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
	for (uint32_t i = 0; i < a->n; i++)
		EVP_CIPHER_CTX_free(a->slots[i].ctx);
	free(a->slots);
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

/* Room for one slot more. */
static bool grow(struct aead *a)
{
	struct slot *slots;

	if (a->n < a->room)
		return true;
	if (a->room == SLOTS_MAX)
		return false;
	slots = realloc(a->slots, 2 * a->room * sizeof(*slots));
	if (!slots)
		return false;
	memset(slots + a->room, 0, a->room * sizeof(*slots));
	a->slots = slots;
	a->room *= 2;
	return true;
}

/*
 * The slot whose turn it is; or a new one, where that was taken only just now: contexts then go
 * round among those that move something, and each pays for its key with every record.
 */
static uint32_t next_slot(struct aead *a, uint64_t now_ms)
{
	const struct slot *oldest = &a->slots[a->hand];
	uint32_t slot = a->hand;

	if (oldest->id && now_ms - oldest->at_ms < TURN_MS && grow(a))
		return a->n++;
	a->hand = (a->hand + 1) % a->n;
	return slot;
}

EVP_CIPHER_CTX *aead_get(struct aead *a, struct aead_claim *c, enum tls_suite s, const uint8_t *key,
			 bool seal)
{
	uint64_t now_ms;
	struct slot *slot = &a->slots[c->slot];

	if (c->id && slot->id == c->id)
		return slot->ctx;
	now_ms = clock_now_ms();
	c->slot = next_slot(a, now_ms);
	slot = &a->slots[c->slot];
	slot->id = 0;
	if (!rekey(a, slot, s, key, seal))
		return NULL;
	slot->at_ms = now_ms;
	c->id = slot->id = ++a->last_id;
	return slot->ctx;
}

void aead_drop(struct aead *a, struct aead_claim *c)
{
	struct slot *slot = &a->slots[c->slot];

	if (c->id && slot->id == c->id) {
		slot->id = 0;
		slot->suite = 0;
		if (c->slot < SLOTS) {
			EVP_CIPHER_CTX_reset(slot->ctx);
		} else { /* there need not be as many for good */
			EVP_CIPHER_CTX_free(slot->ctx);
			slot->ctx = NULL;
		}
	}
	c->id = 0;
}
