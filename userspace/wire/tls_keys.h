/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a TLS 1.3 handshake leaves: for each direction a traffic secret, and the key and IV made of
 * it (RFC 8446, 7.1-7.3). Whoever moves the records from then on starts from this.
 */
#ifndef WIRE_TLS_KEYS_H
#define WIRE_TLS_KEYS_H

#include <stdint.h>

/* Numbers of the IANA registry (RFC 8446, B.4). */
enum tls_suite {
	TLS_SUITE_AES_128_GCM = 0x1301,
	TLS_SUITE_AES_256_GCM = 0x1302,
	TLS_SUITE_CHACHA20_POLY1305 = 0x1303,
};

#define TLS_SUITES     3 /* of the registry, from 0x1301 on */
#define TLS_SECRET_MAX 48
#define TLS_KEY_MAX    32
#define TLS_IV_LEN     12

/* One direction. */
struct tls_half {
	uint8_t secret[TLS_SECRET_MAX]; /* tls_secret_len() bytes */
	uint8_t key[TLS_KEY_MAX];	/* tls_key_len() bytes */
	uint8_t iv[TLS_IV_LEN];
	uint64_t seq; /* of the next record */
};

struct tls_keys {
	enum tls_suite suite;
	struct tls_half tx, rx;
};

/* The suite of an IANA number, or 0 where it is none of ours. */
enum tls_suite tls_suite_of(unsigned iana);
/* "TLS_AES_128_GCM_SHA256", ... */
const char *tls_suite_name(enum tls_suite s);
unsigned tls_secret_len(enum tls_suite s);
unsigned tls_key_len(enum tls_suite s);

/* Derives keys; for one thread. NULL without memory. */
struct tls_kdf *tls_kdf_new(void);
void tls_kdf_free(struct tls_kdf *k);

/* Makes key and IV of h->secret; the sequence starts at 0. 0, or -EIO where the library fails. */
int tls_half_install(struct tls_kdf *k, enum tls_suite s, struct tls_half *h);
/* Goes to the next generation, as a KeyUpdate asks (RFC 8446, 7.2). 0 or -EIO. */
int tls_half_update(struct tls_kdf *k, enum tls_suite s, struct tls_half *h);

#endif
