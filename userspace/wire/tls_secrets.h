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
	bool due;			/* the handshake has come so far that they are next */
};

/* The handshake's secrets go to `s`, which must live until tls_secrets_done(). */
void tls_secrets_collect(SSL *ssl, struct tls_secrets *s);
/* To be called before each step of the handshake: other ones may share its context. */
void tls_secrets_step(SSL *ssl);
/* Collects no more, and wipes. NULL for ssl where it is gone. */
void tls_secrets_done(SSL *ssl, struct tls_secrets *s);

/*
 * After the handshake: the keys of both directions. false where somebody else has to carry the
 * session on: it is not TLS 1.3, or a suite that we do not have, or the peer wants shorter records.
 */
bool tls_secrets_keys(const struct tls_secrets *s, SSL *ssl, struct tls_kdf *kdf,
		      struct tls_keys *ret);

#endif
