// SPDX-License-Identifier: GPL-2.0-or-later
// Makes SSL_CTX objects: options, versions, ciphers, certificates, and who dies with them.
#include "wire/tls_common.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "wire/tls_ciphers.h"

static pthread_once_t owned_once = PTHREAD_ONCE_INIT;
static int owned_index = -1;

void tls_why(const struct tls_why *why, const char *fmt, ...)
{
	va_list ap;

	if (!why->size)
		return;
	va_start(ap, fmt);
	vsnprintf(why->text, why->size, fmt, ap);
	va_end(ap);
}

const char *tls_reason(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(e);

	ERR_clear_error();
	if (text)
		return text;
	return e ? "internal error" : "out of memory";
}

static void owned_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct tls_owned *o = ptr;

	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (o)
		o->destroy(o);
}

static void owned_setup(void)
{
	owned_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, owned_free);
}

int tls_ctx_own(SSL_CTX *ctx, struct tls_owned *o)
{
	pthread_once(&owned_once, owned_setup);
	if (owned_index < 0 || !SSL_CTX_set_ex_data(ctx, owned_index, o))
		return -ENOMEM;
	return 0;
}

struct tls_owned *tls_ctx_owned(const SSL_CTX *ctx)
{
	return owned_index < 0 ? NULL : SSL_CTX_get_ex_data(ctx, owned_index);
}

/*
 * A stock program names TLS 1.0 and 1.1 as well, and a stock nginx lets them fail for their
 * signatures, with another alert than for their number. At this level, Debian's default, OpenSSL
 * finds none that will do; what it lets through elsewhere handshake_step() refuses.
 */
#define LEVEL_WITHOUT_OLD_ONES 2

static int lowest_version(const SSL_CTX *ctx, const struct tls_limits *lim)
{
	if (lim->min_version)
		return lim->min_version;
	return SSL_CTX_get_security_level(ctx) >= LEVEL_WITHOUT_OLD_ONES ? 0 : TLS1_2_VERSION;
}

static int set_limits(SSL_CTX *ctx, const struct tls_limits *lim, const struct tls_why *why)
{
	int min = lowest_version(ctx, lim);

	if (lim->max_version && lim->max_version < min) {
		tls_why(why, "the highest TLS version is below the lowest");
		return -EINVAL;
	}
	if (!SSL_CTX_set_min_proto_version(ctx, min) ||
	    !SSL_CTX_set_max_proto_version(ctx, lim->max_version)) {
		tls_why(why, "TLS version: %s", tls_reason());
		return -EINVAL;
	}
	if (lim->groups && !SSL_CTX_set1_groups_list(ctx, lim->groups)) {
		tls_why(why, "unknown curve in \"%.80s\"", lim->groups);
		return -EINVAL;
	}
	if (lim->cipher_list && !SSL_CTX_set_cipher_list(ctx, lim->cipher_list)) {
		tls_why(why, "cipher suites: %s", tls_reason());
		return -EINVAL;
	}
	return lim->cipher_suites ? tls_ciphers_set(ctx, lim->cipher_suites, why) : 0;
}

SSL_CTX *tls_ctx_new(const SSL_METHOD *method, const struct tls_limits *lim,
		     const struct tls_why *why)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(method);
	if (!ctx) {
		tls_why(why, "%s", tls_reason());
		return NULL;
	}
	/* the machine's openssl.cnf may have set options; a cut connection must stay visible */
	SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (set_limits(ctx, lim, why) < 0) {
		ERR_clear_error();
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* Without it OpenSSL would ask on the terminal. */
static int refuse_passphrase(char *buf, int size, int rwflag, void *asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)asked = true;
	return -1;
}

static int use_chain(SSL_CTX *ctx, BIO *in)
{
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	unsigned long e;
	int ok = cert && SSL_CTX_use_certificate(ctx, cert);

	X509_free(cert);
	while (ok && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		ok = (int)SSL_CTX_add0_chain_cert(ctx, cert);
		if (!ok)
			X509_free(cert);
	}
	if (!ok)
		return -EINVAL;
	e = ERR_peek_last_error();
	if (ERR_GET_LIB(e) != ERR_LIB_PEM || ERR_GET_REASON(e) != PEM_R_NO_START_LINE)
		return -EINVAL;
	ERR_clear_error();
	return 0;
}

static int use_key(SSL_CTX *ctx, BIO *in, const char *name, const struct tls_why *why)
{
	bool asked = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, refuse_passphrase, &asked);
	int err = -EINVAL;

	if (!key && asked)
		tls_why(why, "%s: the private key is encrypted", name);
	else if (!key)
		tls_why(why, "%s: no usable private key in the PEM text", name);
	else if (!X509_check_private_key(SSL_CTX_get0_certificate(ctx), key))
		tls_why(why, "%s: the private key does not match the certificate", name);
	else if (!SSL_CTX_use_PrivateKey(ctx, key))
		tls_why(why, "%s: private key: %s", name, tls_reason());
	else
		err = 0;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return err;
}

int tls_ctx_use_pair(SSL_CTX *ctx, const char *cert_pem, const char *key_pem, const char *name,
		     const struct tls_why *why)
{
	BIO *cert = BIO_new_mem_buf(cert_pem, -1), *key = BIO_new_mem_buf(key_pem, -1);
	int err = -EINVAL;

	ERR_clear_error();
	if (!cert || !key)
		tls_why(why, "%s: %s", name, tls_reason());
	else if (use_chain(ctx, cert) < 0)
		tls_why(why, "%s: certificate: %s", name, tls_reason());
	else
		err = use_key(ctx, key, name, why);
	BIO_free(cert);
	BIO_free(key);
	return err;
}

int tls_alpn_list(const char *const *alpn, size_t n, uint8_t **ret_list, size_t *ret_len,
		  const struct tls_why *why)
{
	size_t len = 0, at = 0;
	uint8_t *list;

	for (size_t i = 0; i < n; i++) {
		size_t l = strlen(alpn[i]);

		len += 1 + l;
		if (l < 1 || l > 255 || len > 65535) {
			tls_why(why, "alpn: bad protocol name \"%.80s\"", alpn[i]);
			return -EINVAL;
		}
	}
	list = malloc(len + 1);
	if (!list) {
		tls_why(why, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		size_t l = strlen(alpn[i]);

		list[at] = (uint8_t)l;
		memcpy(list + at + 1, alpn[i], l);
		at += 1 + l;
	}
	*ret_list = list;
	*ret_len = len;
	return 0;
}

int tls_spki_sha256(const X509 *cert, uint8_t out[static 32])
{
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der), ok;

	if (len <= 0)
		return -EINVAL;
	ok = EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return ok ? 0 : -EINVAL;
}

void tls_pin_text(const uint8_t hash[static 32], char out[static 45])
{
	EVP_EncodeBlock((unsigned char *)out, hash, 32);
}
