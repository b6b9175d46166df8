/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the traffic secrets out of a handshake that OpenSSL makes. */
#ifndef WIRE_TLS_SECRETS_H
#define WIRE_TLS_SECRETS_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "wire/tls_keys.h"

/* Those of the application data, once both are known. */
struct tls_secrets {
	uint8_t client[TLS_SECRET_MAX], server[TLS_SECRET_MAX];
	uint8_t client_len, server_len; /* 0: not known */
};

/* Has the context's handshakes tell their secrets. */
void tls_secrets_enable(SSL_CTX *ctx);
/* They go to `s`, which must live as long as the handshake does. */
void tls_secrets_collect(SSL *ssl, struct tls_secrets *s);
void tls_secrets_wipe(struct tls_secrets *s);

/*
 * After the handshake: the keys of both directions. false where somebody else has to carry the
 * session on: it is not TLS 1.3, or a suite that we do not have, or the peer wants shorter records.
 */
bool tls_secrets_keys(const struct tls_secrets *s, SSL *ssl, struct tls_kdf *kdf,
		      struct tls_keys *ret);

#endif
