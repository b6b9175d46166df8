/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client-side TLS policy: verification, pins, SNI, ALPN, resumption. One object a worker and
 * outbound. */
#ifndef WIRE_TLS_CLIENT_H
#define WIRE_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;
struct tls_client;

struct tls_client_opts {
	const char *server_name;   /* name or IP address to verify; a name is also sent as SNI */
	bool disable_sni;	   /* verify the name, but send none */
	bool insecure;		   /* accept any certificate */
	const char *ca_pem;	   /* own trust anchors as PEM text; NULL: the system's */
	const uint8_t (*pins)[32]; /* SHA-256 of acceptable public keys (DER SPKI): replace CA and
				      name checks */
	size_t n_pins;
	const char *const *alpn;
	size_t n_alpn;
	int min_version, max_version; /* TLS1_2_VERSION, ...; 0: OpenSSL's default from 1.2 on */
	const char *cipher_suites;
	const char *groups;
	const char *cert_pem, *key_pem; /* client certificate, or NULL */
};

/* NULL on failure with a one-line reason in why. */
struct tls_client *tls_client_new(const struct tls_client_opts *opts, char *why, size_t why_len);
void tls_client_free(struct tls_client *c);
/* A fresh SSL in connect state without BIOs, offering the newest unused ticket of this policy
 * (tickets are used once, RFC 8446 C.4; a few are kept). NULL without memory. */
struct ssl_st *tls_client_ssl(struct tls_client *c);

/* Why the certificate of a failed handshake was refused, for the log; NULL where that was not the
 * reason. */
const char *tls_client_refusal(const struct ssl_st *ssl);

#endif
