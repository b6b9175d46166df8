/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AEAD contexts for one thread. A context costs 1.3 KiB, and nearly all sessions are quiet at any
 * moment; so there are a few contexts, and whoever needs one again after it went to another pays
 * the key schedule, some 0.2 us. There are more while many sessions move something at the same
 * time.
 */
#ifndef WIRE_AEAD_H
#define WIRE_AEAD_H

#include <stdbool.h>

#include <openssl/types.h>

#include "wire/tls_keys.h"

struct aead;

/* Whose a context is. Zero-initialised it has none yet. */
struct aead_claim {
	uint64_t id;
	uint32_t slot;
};

/* NULL without memory. */
struct aead *aead_new(void);
void aead_free(struct aead *a);

/* A context with this key, for sealing or for opening; valid until the next aead_get(). NULL where
 * the library fails. */
EVP_CIPHER_CTX *aead_get(struct aead *a, struct aead_claim *c, enum tls_suite s, const uint8_t *key,
			 bool seal);
/* The key is not to be used again: wipes it where a context still has it. */
void aead_drop(struct aead *a, struct aead_claim *c);

#endif
