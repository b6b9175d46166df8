/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both roles' TLS policies share: contexts, certificates, ALPN lists, key hashes. */
#ifndef WIRE_TLS_COMMON_H
#define WIRE_TLS_COMMON_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

/* Where a one-line reason goes; cut where it does not fit. */
struct tls_why {
	char *text;
	size_t size;
};

void tls_why(const struct tls_why *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The text of OpenSSL's newest error on this thread, whose queue is then empty. Never NULL. */
const char *tls_reason(void);

/*
 * First member of an object that lives as long as its SSL_CTX: SSL objects hold references on the
 * context, so callbacks of theirs that come late still find the object.
 */
struct tls_owned {
	void (*destroy)(struct tls_owned *o);
};

/* The context's destruction calls o->destroy(o). -ENOMEM: it will not. */
int tls_ctx_own(SSL_CTX *ctx, struct tls_owned *o);
/* What tls_ctx_own() was given; NULL without. */
struct tls_owned *tls_ctx_owned(const SSL_CTX *ctx);

struct tls_limits {
	int min_version, max_version; /* 0: what others have, see tls_common.c; the newest */
	const char *cipher_list;      /* up to TLS 1.2; NULL: OpenSSL's default */
	const char *cipher_suites;    /* the operator's, of any version, joined by ':', or NULL */
	const char *groups;
};

/* A context with the options that every connection has. NULL with a reason. */
SSL_CTX *tls_ctx_new(const SSL_METHOD *method, const struct tls_limits *lim,
		     const struct tls_why *why);

/* Gives ctx a chain and its key. `name` is for the reason. 0 or -EINVAL with a reason. */
int tls_ctx_use_pair(SSL_CTX *ctx, const char *cert_pem, const char *key_pem, const char *name,
		     const struct tls_why *why);

/* Protocol names as the extension carries them, to free(). 0, or -EINVAL / -ENOMEM with a reason.
 */
int tls_alpn_list(const char *const *alpn, size_t n, uint8_t **ret_list, size_t *ret_len,
		  const struct tls_why *why);

/* SHA-256 of the certificate's public key (DER SPKI). 0 or -EINVAL. */
int tls_spki_sha256(const X509 *cert, uint8_t out[static 32]);

/* The same as base64 text with NUL. */
void tls_pin_text(const uint8_t hash[static 32], char out[static 45]);

#endif
