/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Server-side TLS policy: certificates by name, ALPN, versions, tickets. One object a worker. */
#ifndef WIRE_TLS_SERVER_H
#define WIRE_TLS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;
struct tls_server;

/* One certificate chain with its key, as PEM text. All strings are borrowed. */
struct tls_keypair {
	const char *cert_pem, *key_pem;
	const char *name; /* "server_name" or the file: for messages */
};

struct tls_server_opts {
	const struct tls_keypair *pairs; /* at least one; the first answers where no name fits */
	size_t n_pairs;
	const char *const *alpn; /* in order of preference; none: the client's offer is ignored */
	size_t n_alpn;
	int min_version, max_version; /* TLS1_2_VERSION, ...; 0: OpenSSL's default from 1.2 on */
	const char *cipher_suites;    /* OpenSSL names joined by ':', or NULL */
	const char *groups;	      /* curve preferences joined by ':', or NULL */
	const uint8_t *ticket_keys;   /* TLS_TICKET_KEYS_LEN bytes, the same for all workers */
};

#define TLS_TICKET_KEYS_LEN 80

/*
 * Builds the policy. A name is taken from the certificates' subjectAltName (wildcards in the
 * leftmost label), else the subject's CN. NULL on failure with a one-line reason in why (a bad PEM,
 * a key that does not match, an unknown cipher; never key material).
 */
struct tls_server *tls_server_new(const struct tls_server_opts *opts, char *why, size_t why_len);
/* Sessions that were made with it live on. NULL is ignored. */
void tls_server_free(struct tls_server *s);
/* A fresh SSL in accept state without BIOs; NULL without memory. */
struct ssl_st *tls_server_ssl(struct tls_server *s);

#endif
