// SPDX-License-Identifier: GPL-2.0-or-later
// Checks a server's certificate by chain and name, or by pins, and keeps the reason of a refusal.
#include "wire/tls_verify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/secret.h"

#define NAME_LEN_MAX 253

static pthread_once_t refusal_once = PTHREAD_ONCE_INIT;
static int refusal_index = -1;

static void refusal_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
			 void *argp)
{
	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	free(ptr);
}

static void refusal_setup(void)
{
	refusal_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, refusal_free);
}

/* Takes text over. */
static void refusal_set(SSL *ssl, char *text)
{
	if (!text || refusal_index < 0)
		return;
	free(SSL_get_ex_data(ssl, refusal_index));
	SSL_set_ex_data(ssl, refusal_index, NULL);
	if (!SSL_set_ex_data(ssl, refusal_index, text))
		free(text);
}

const char *tls_client_refusal(const struct ssl_st *ssl)
{
	return refusal_index < 0 ? NULL : SSL_get_ex_data(ssl, refusal_index);
}

static int check_pins(X509_STORE_CTX *store, const struct tls_verify *v, SSL *ssl)
{
	uint8_t seen[32];
	char pin[45], *text;
	bool ok = false;

	if (tls_spki_sha256(X509_STORE_CTX_get0_cert(store), seen) < 0) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
		refusal_set(ssl, strdup("the certificate has no readable public key"));
		return 0;
	}
	for (size_t i = 0; i < v->n_pins; i++)
		ok |= secret_equal(v->pins[i], seen, sizeof(seen));
	if (ok) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	tls_pin_text(seen, pin);
	if (asprintf(&text, "public key is none of the pinned ones; its SHA-256 is %s", pin) >= 0)
		refusal_set(ssl, text);
	return 0;
}

static bool is_name_error(int err)
{
	return err == X509_V_ERR_HOSTNAME_MISMATCH || err == X509_V_ERR_IP_ADDRESS_MISMATCH;
}

static int check_chain(X509_STORE_CTX *store, const struct tls_verify *v, SSL *ssl)
{
	int ok = X509_verify_cert(store) > 0, err = X509_STORE_CTX_get_error(store);
	const char *what = X509_verify_cert_error_string(err);
	char *text = NULL;
	int n;

	if (ok)
		return 1;
	if (is_name_error(err))
		n = asprintf(&text, "%s: the certificate is not for \"%s\"", what, v->name);
	else
		n = asprintf(&text, "%s (certificate %d of the chain)", what,
			     X509_STORE_CTX_get_error_depth(store));
	if (n >= 0)
		refusal_set(ssl, text);
	return 0;
}

static int on_certificate(X509_STORE_CTX *store, void *arg)
{
	const struct tls_verify *v = arg;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

	if (v->n_pins)
		return check_pins(store, v, ssl);
	if (!v->insecure)
		return check_chain(store, v, ssl);
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static int load_own_cas(SSL_CTX *ctx, const char *pem, const struct tls_why *why)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	size_t n = 0;
	X509 *cert;
	int ok = 1;

	while (ok && in && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		ok = X509_STORE_add_cert(store, cert);
		X509_free(cert);
		n++;
	}
	BIO_free(in);
	if (!ok || !n || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		tls_why(why, "trusted certificates: %s", tls_reason());
		return -EINVAL;
	}
	ERR_clear_error();
	/* what the user names is trusted, be it a root, an intermediate or the server's own */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	return 0;
}

static int set_expected(const struct tls_verify *v, SSL_CTX *ctx, const uint8_t *ip, size_t ip_len)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
						       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (v->is_ip)
		return X509_VERIFY_PARAM_set1_ip(param, ip, ip_len);
	return X509_VERIFY_PARAM_set1_host(param, v->name, 0);
}

static int copy_name(struct tls_verify *v, const char *name, const struct tls_why *why)
{
	size_t len = name ? strlen(name) : 0;

	if (len > 1 && name[len - 1] == '.')
		len--;
	/* OpenSSL takes a dot in front for "any name below" */
	if (len > NAME_LEN_MAX || (len && name[0] == '.')) {
		tls_why(why, "server_name is no host name");
		return -EINVAL;
	}
	if (!len)
		return 0;
	v->name = strndup(name, len);
	if (v->name)
		return 0;
	tls_why(why, "out of memory");
	return -ENOMEM;
}

static int setup_name(struct tls_verify *v, SSL_CTX *ctx, const char *name,
		      const struct tls_why *why)
{
	uint8_t ip[16];
	size_t ip_len = 0;
	int err = copy_name(v, name, why);

	if (err)
		return err;
	if (v->name && inet_pton(AF_INET, v->name, ip) == 1)
		ip_len = 4;
	else if (v->name && inet_pton(AF_INET6, v->name, ip) == 1)
		ip_len = 16;
	v->is_ip = ip_len > 0;
	if (v->insecure || v->n_pins)
		return 0;
	if (!v->name) {
		tls_why(why, "no server_name to verify");
		return -EINVAL;
	}
	if (!set_expected(v, ctx, ip, ip_len)) {
		tls_why(why, "server_name: %s", tls_reason());
		return -EINVAL;
	}
	return 0;
}

static int copy_pins(struct tls_verify *v, const uint8_t (*pins)[32], size_t n)
{
	if (!n)
		return 0;
	v->pins = calloc(n, sizeof(*v->pins));
	if (!v->pins)
		return -ENOMEM;
	memcpy(v->pins, pins, n * sizeof(*v->pins));
	v->n_pins = n;
	return 0;
}

int tls_verify_init(struct tls_verify *v, SSL_CTX *ctx, const struct tls_client_opts *opts,
		    const struct tls_why *why)
{
	int err = copy_pins(v, opts->pins, opts->n_pins);

	if (err) {
		tls_why(why, "out of memory");
		return err;
	}
	pthread_once(&refusal_once, refusal_setup);
	v->insecure = opts->insecure;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_certificate, v);
	err = setup_name(v, ctx, opts->server_name, why);
	if (err || v->n_pins || v->insecure)
		return err;
	if (opts->ca_pem)
		return load_own_cas(ctx, opts->ca_pem, why);
	if (SSL_CTX_set_default_verify_paths(ctx))
		return 0;
	tls_why(why, "the system's trusted certificates: %s", tls_reason());
	return -EINVAL;
}

void tls_verify_done(struct tls_verify *v)
{
	free(v->name);
	free(v->pins);
}
