// SPDX-License-Identifier: GPL-2.0-or-later
// One SSL_CTX per certificate, chosen by the name that the client asks for.
#include "wire/tls_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/list.h"
#include "wire/tls_common.h"
#include "wire/tls_face.h"

struct host_name {
	char *text; /* "example.com" or "*.example.com" */
	SSL_CTX *ctx;
};

/* Dies with the first context, which every SSL holds even after it was switched to another one. */
struct tls_server {
	struct tls_owned owned;
	SSL_CTX **ctx; /* the first is not counted here, or neither would ever die */
	size_t n_ctx;
	struct host_name *names;
	size_t n_names;
	uint8_t *alpn;
	size_t alpn_len;
};

static void destroy(struct tls_owned *o)
{
	struct tls_server *s = container_of(o, struct tls_server, owned);

	for (size_t i = 1; i < s->n_ctx; i++)
		SSL_CTX_free(s->ctx[i]);
	for (size_t i = 0; i < s->n_names; i++)
		free(s->names[i].text);
	free(s->names);
	free(s->ctx);
	free(s->alpn);
	free(s);
}

static int add_name(struct tls_server *s, SSL_CTX *ctx, const ASN1_STRING *name)
{
	const char *text = (const char *)ASN1_STRING_get0_data(name);
	size_t len = (size_t)ASN1_STRING_length(name);
	struct host_name *grown;

	if (!len || memchr(text, 0, len))
		return 0; /* no client can ask for it */
	grown = reallocarray(s->names, s->n_names + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->names = grown;
	grown[s->n_names].ctx = ctx;
	grown[s->n_names].text = strndup(text, len);
	if (!grown[s->n_names].text)
		return -ENOMEM;
	s->n_names++;
	return 0;
}

static int add_common_name(struct tls_server *s, SSL_CTX *ctx, const X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return 0;
	return add_name(s, ctx, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

static int add_names(struct tls_server *s, SSL_CTX *ctx)
{
	const X509 *cert = SSL_CTX_get0_certificate(ctx);
	GENERAL_NAMES *sans = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t before = s->n_names;
	int err = 0;

	for (int i = 0; !err && i < sk_GENERAL_NAME_num(sans); i++) {
		const GENERAL_NAME *gn = sk_GENERAL_NAME_value(sans, i);

		if (gn->type == GEN_DNS)
			err = add_name(s, ctx, gn->d.dNSName);
	}
	GENERAL_NAMES_free(sans);
	ERR_clear_error();
	if (err || s->n_names > before)
		return err;
	return add_common_name(s, ctx, cert);
}

static SSL_CTX *find_text(const struct tls_server *s, const char *text, size_t len)
{
	for (size_t i = 0; i < s->n_names; i++) {
		const struct host_name *n = &s->names[i];

		if (!strncasecmp(n->text, text, len) && !n->text[len])
			return n->ctx;
	}
	return NULL;
}

static SSL_CTX *find_wildcard(const struct tls_server *s, const char *suffix, size_t len)
{
	for (size_t i = 0; i < s->n_names; i++) {
		const struct host_name *n = &s->names[i];

		if (n->text[0] == '*' && !strncasecmp(n->text + 1, suffix, len) &&
		    !n->text[1 + len])
			return n->ctx;
	}
	return NULL;
}

static SSL_CTX *find_name(const struct tls_server *s, const char *host)
{
	size_t len = strlen(host);
	const char *dot;
	SSL_CTX *ctx;

	if (len && host[len - 1] == '.')
		len--;
	if (!len)
		return NULL;
	ctx = find_text(s, host, len);
	dot = memchr(host, '.', len);
	if (!ctx && dot && dot > host)
		ctx = find_wildcard(s, dot, len - (size_t)(dot - host));
	return ctx;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_server *s = arg;
	const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *ctx = host ? find_name(s, host) : NULL;

	/* an unknown name gets the first certificate, and as in nginx an answer to the extension */
	if (ctx && ctx != SSL_get_SSL_CTX(ssl) && !SSL_set_SSL_CTX(ssl, ctx)) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *offer, unsigned int offer_len, void *arg)
{
	const struct tls_server *s = arg;
	unsigned char *picked;

	(void)ssl;
	if (!s->alpn_len)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_select_next_proto(&picked, out_len, s->alpn, (unsigned)s->alpn_len, offer,
				  offer_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = picked;
	return SSL_TLSEXT_ERR_OK;
}

/* What must be the same in all contexts, whichever the name leads to. */
static int setup_ctx(struct tls_server *s, SSL_CTX *ctx, const struct tls_server_opts *opts,
		     const struct tls_why *why)
{
	int err = tls_face_set(ctx, why);

	if (err)
		return err;
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, s);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, s);
	if (opts->ticket_keys &&
	    !SSL_CTX_set_tlsext_ticket_keys(ctx, (void *)opts->ticket_keys, TLS_TICKET_KEYS_LEN)) {
		tls_why(why, "ticket keys: %s", tls_reason());
		return -EINVAL;
	}
	return 0;
}

static SSL_CTX *make_ctx(const struct tls_server_opts *opts, size_t i, const struct tls_why *why)
{
	const struct tls_limits lim = {
		.min_version = opts->min_version,
		.max_version = opts->max_version,
		.cipher_list = TLS_FACE_CIPHERS,
		.cipher_suites = opts->cipher_suites,
		.groups = opts->groups,
	};
	const struct tls_keypair *pair = &opts->pairs[i];
	SSL_CTX *ctx = tls_ctx_new(TLS_server_method(), &lim, why);

	if (!ctx || !tls_ctx_use_pair(ctx, pair->cert_pem, pair->key_pem, pair->name, why))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* Makes the contexts after the first one and fills in what all have. */
static int fill(struct tls_server *s, const struct tls_server_opts *opts, const struct tls_why *why)
{
	size_t len;
	int err = tls_face_alpn(opts->alpn, opts->n_alpn, &s->alpn, &len, why);

	if (err)
		return err;
	s->alpn_len = len;
	for (size_t i = 0; i < opts->n_pairs; i++) {
		if (i > 0) {
			s->ctx[i] = make_ctx(opts, i, why);
			if (!s->ctx[i])
				return -EINVAL;
			s->n_ctx++;
		}
		err = setup_ctx(s, s->ctx[i], opts, why);
		if (err)
			return err;
		if (add_names(s, s->ctx[i]) < 0) {
			tls_why(why, "out of memory");
			return -ENOMEM;
		}
	}
	return 0;
}

struct tls_server *tls_server_new(const struct tls_server_opts *opts, char *why_text,
				  size_t why_len)
{
	const struct tls_why why = { why_text, why_len };
	struct tls_server *s;
	SSL_CTX *first;

	if (!opts->n_pairs) {
		tls_why(&why, "no certificate");
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (s)
		s->ctx = calloc(opts->n_pairs, sizeof(SSL_CTX *));
	if (!s || !s->ctx) {
		tls_why(&why, "out of memory");
		free(s);
		return NULL;
	}
	s->owned.destroy = destroy;
	first = make_ctx(opts, 0, &why);
	if (!first) {
		destroy(&s->owned);
		return NULL;
	}
	s->ctx[s->n_ctx++] = first;
	if (tls_ctx_own(first, &s->owned) < 0) {
		tls_why(&why, "out of memory");
		destroy(&s->owned);
		SSL_CTX_free(first);
		return NULL;
	}
	if (fill(s, opts, &why) < 0) {
		SSL_CTX_free(first);
		return NULL;
	}
	return s;
}

void tls_server_free(struct tls_server *s)
{
	if (s)
		SSL_CTX_free(s->ctx[0]);
}

struct ssl_st *tls_server_ssl(struct tls_server *s)
{
	SSL *ssl = SSL_new(s->ctx[0]);

	if (ssl)
		SSL_set_accept_state(ssl);
	else
		ERR_clear_error();
	return ssl;
}
