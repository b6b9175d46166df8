/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: certificates of every kind, and handshakes in memory between two SSL objects. */
#ifndef TESTS_UNIT_TLS_PAIR_H
#define TESTS_UNIT_TLS_PAIR_H

#include <stdarg.h>
#include <stdbool.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "wire/self_signed.h"
#include "wire/tls_client.h"
#include "wire/tls_server.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct made {
	char *cert, *key; /* PEM */
};

static inline void made_free(struct made *m)
{
	free(m->cert);
	free(m->key);
}

static inline struct made make_self_signed(const char *name)
{
	struct made m = { 0 };

	assert_int_equal(self_signed(&name, 1, 30, &m.cert, &m.key), 0);
	return m;
}

struct recipe {
	const char *cn, *san;	   /* san as in "DNS:a.test,IP:1.2.3.4", or NULL */
	const struct made *issuer; /* NULL: itself */
	bool ca;
	int from_days, to_days; /* validity, seen from now; both 0: -1 to 30 */
};

static inline void recipe_ext(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(ext);
	assert_true(X509_add_ext(cert, ext, -1));
	X509_EXTENSION_free(ext);
}

static inline char *recipe_text(BIO *out)
{
	char *data;
	long len = BIO_get_mem_data(out, &data);
	char *text = strndup(data, (size_t)len);

	BIO_free(out);
	return text;
}

static inline void recipe_sign(X509 *cert, EVP_PKEY *own, const struct made *issuer)
{
	BIO *c = issuer ? BIO_new_mem_buf(issuer->cert, -1) : NULL;
	BIO *k = issuer ? BIO_new_mem_buf(issuer->key, -1) : NULL;
	X509 *by = c ? PEM_read_bio_X509(c, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = k ? PEM_read_bio_PrivateKey(k, NULL, NULL, NULL) : NULL;

	X509_set_issuer_name(cert, X509_get_subject_name(by ? by : cert));
	assert_true(X509_sign(cert, key ? key : own, EVP_sha256()) > 0);
	X509_free(by);
	EVP_PKEY_free(key);
	BIO_free(c);
	BIO_free(k);
}

/* A certificate as the recipe says, which self_signed() would not make. */
static inline struct made make_cert(const struct recipe *r)
{
	static long serial = 1;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_mem());
	bool dated = r->from_days || r->to_days;
	struct made m;

	assert_true(key && cert && c && k);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_time_adj_ex(X509_getm_notBefore(cert), dated ? r->from_days : -1, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(cert), dated ? r->to_days : 30, 0, NULL);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)r->cn, -1, -1, 0);
	X509_set_pubkey(cert, key);
	recipe_ext(cert, NID_basic_constraints, r->ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (r->san)
		recipe_ext(cert, NID_subject_alt_name, r->san);
	recipe_sign(cert, key, r->issuer);
	PEM_write_bio_X509(c, cert);
	PEM_write_bio_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL);
	m.cert = recipe_text(c);
	m.key = recipe_text(k);
	X509_free(cert);
	EVP_PKEY_free(key);
	return m;
}

struct tls_pair {
	SSL *server, *client;
};

/* Ties two SSL objects together by memory and takes them over. */
static inline struct tls_pair pair_of(SSL *server, SSL *client)
{
	BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());

	assert_true(server && client && up && down);
	BIO_up_ref(up);
	BIO_up_ref(down);
	SSL_set_bio(server, up, down);
	SSL_set_bio(client, down, up);
	return (struct tls_pair){ server, client };
}

static inline struct tls_pair pair_new(struct tls_server *s, struct tls_client *c)
{
	return pair_of(tls_server_ssl(s), tls_client_ssl(c));
}

static inline void pair_free(struct tls_pair *p)
{
	SSL_free(p->server);
	SSL_free(p->client);
	p->server = p->client = NULL;
}

/* Whether both ends finish. */
static inline bool pair_handshake(struct tls_pair *p)
{
	int server = 0, client = 0;

	for (int i = 0; i < 10 && (server != 1 || client != 1); i++) {
		client = SSL_do_handshake(p->client);
		server = SSL_do_handshake(p->server);
	}
	ERR_clear_error();
	return server == 1 && client == 1;
}

/* One byte each way, which also brings the tickets to the client. */
static inline void pair_exchange(struct tls_pair *p)
{
	char got = 0;

	assert_int_equal(SSL_write(p->server, "s", 1), 1);
	assert_int_equal(SSL_read(p->client, &got, 1), 1);
	assert_int_equal(got, 's');
	assert_int_equal(SSL_write(p->client, "c", 1), 1);
	assert_int_equal(SSL_read(p->server, &got, 1), 1);
	assert_int_equal(got, 'c');
}

/* Handshake and exchange with fresh SSL objects. Whether the session was resumed; fails if any of
 * it does. */
static inline bool pair_resumes(struct tls_server *s, struct tls_client *c)
{
	struct tls_pair p = pair_new(s, c);
	bool reused;

	assert_true(pair_handshake(&p));
	reused = SSL_session_reused(p.client);
	assert_int_equal(reused, SSL_session_reused(p.server));
	pair_exchange(&p);
	pair_free(&p);
	return reused;
}

/* Whether the client was shown m's certificate. */
static inline bool pair_shows(const struct tls_pair *p, const struct made *m)
{
	BIO *in = BIO_new_mem_buf(m->cert, -1);
	X509 *want = PEM_read_bio_X509(in, NULL, NULL, NULL);
	X509 *got = SSL_get0_peer_certificate(p->client);
	bool same = got && !X509_cmp(got, want);

	X509_free(want);
	BIO_free(in);
	return same;
}

static inline struct tls_server *server_of(const struct tls_server_opts *opts)
{
	char why[200] = "";
	struct tls_server *s = tls_server_new(opts, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(s);
	return s;
}

static inline struct tls_client *client_of(const struct tls_client_opts *opts)
{
	char why[200] = "";
	struct tls_client *c = tls_client_new(opts, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(c);
	return c;
}

#endif
