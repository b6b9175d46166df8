// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a client's SSL objects and keeps the tickets it resumes with.
#include "wire/tls_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/list.h"
#include "wire/tls_common.h"
#include "wire/tls_verify.h"

#define TICKETS_MAX 4

/* Dies with the context: tickets come long after the handshake. */
struct tls_client {
	struct tls_owned owned;
	SSL_CTX *ctx; /* not counted here, or neither would ever die */
	struct tls_verify verify;
	bool disable_sni;
	SSL_SESSION *tickets[TICKETS_MAX]; /* oldest first */
	size_t n_tickets;
};

static void destroy(struct tls_owned *o)
{
	struct tls_client *c = container_of(o, struct tls_client, owned);

	for (size_t i = 0; i < c->n_tickets; i++)
		SSL_SESSION_free(c->tickets[i]);
	tls_verify_done(&c->verify);
	free(c);
}

/*
 * Keeps a copy: freeing an SSL whose connection was not shut down in form makes its own session
 * unusable, and that says nothing about the ticket.
 */
static void keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct tls_owned *o = tls_ctx_owned(SSL_get_SSL_CTX(ssl));
	struct tls_client *c = container_of(o, struct tls_client, owned);
	SSL_SESSION *copy = SSL_SESSION_is_resumable(session) ? SSL_SESSION_dup(session) : NULL;

	if (!copy)
		return;
	if (c->n_tickets == TICKETS_MAX) {
		SSL_SESSION_free(c->tickets[0]);
		c->n_tickets--;
		memmove(c->tickets, c->tickets + 1, c->n_tickets * sizeof(SSL_SESSION *));
	}
	c->tickets[c->n_tickets++] = copy;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	keep_ticket(ssl, session);
	return 0; /* the reference stays OpenSSL's */
}

/* A TLS 1.2 session that was resumed is not announced again, but may be used again. */
static void on_info(const SSL *cssl, int where, int ret)
{
	SSL *ssl = (SSL *)cssl;

	(void)ret;
	if ((where & SSL_CB_HANDSHAKE_DONE) && SSL_version(ssl) < TLS1_3_VERSION &&
	    SSL_session_reused(ssl))
		keep_ticket(ssl, SSL_get_session(ssl));
}

/* Each is offered once: one that makes handshakes fail must not do so for ever. */
static SSL_SESSION *take_ticket(struct tls_client *c)
{
	return c->n_tickets ? c->tickets[--c->n_tickets] : NULL;
}

static int setup_alpn(struct tls_client *c, const struct tls_client_opts *opts,
		      const struct tls_why *why)
{
	uint8_t *list;
	size_t len;
	int err = tls_alpn_list(opts->alpn, opts->n_alpn, &list, &len, why);

	if (err)
		return err;
	if (len && SSL_CTX_set_alpn_protos(c->ctx, list, (unsigned)len)) {
		tls_why(why, "alpn: %s", tls_reason());
		err = -EINVAL;
	}
	free(list);
	return err;
}

static int setup(struct tls_client *c, const struct tls_client_opts *opts,
		 const struct tls_why *why)
{
	int err = tls_verify_init(&c->verify, c->ctx, opts, why);

	c->disable_sni = opts->disable_sni;
	if (!err)
		err = setup_alpn(c, opts, why);
	if (!err && opts->cert_pem && opts->key_pem)
		err = tls_ctx_use_pair(c->ctx, opts->cert_pem, opts->key_pem, "client certificate",
				       why);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ctx, on_session);
	SSL_CTX_set_info_callback(c->ctx, on_info);
	return err;
}

struct tls_client *tls_client_new(const struct tls_client_opts *opts, char *why_text,
				  size_t why_len)
{
	const struct tls_why why = { why_text, why_len };
	const struct tls_limits lim = {
		.min_version = opts->min_version,
		.max_version = opts->max_version,
		.cipher_suites = opts->cipher_suites,
		.groups = opts->groups,
	};
	struct tls_client *c;
	SSL_CTX *ctx = tls_ctx_new(TLS_client_method(), &lim, &why);

	if (!ctx)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c || tls_ctx_own(ctx, &c->owned) < 0) {
		tls_why(&why, "out of memory");
		free(c);
		SSL_CTX_free(ctx);
		return NULL;
	}
	c->owned.destroy = destroy;
	c->ctx = ctx;
	if (setup(c, opts, &why) < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return c;
}

void tls_client_free(struct tls_client *c)
{
	if (c)
		SSL_CTX_free(c->ctx);
}

static bool has_sni(const struct tls_client *c)
{
	return c->verify.name && !c->verify.is_ip && !c->disable_sni;
}

struct ssl_st *tls_client_ssl(struct tls_client *c)
{
	SSL *ssl = SSL_new(c->ctx);
	SSL_SESSION *ticket;

	if (!ssl || (has_sni(c) && !SSL_set_tlsext_host_name(ssl, c->verify.name))) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_connect_state(ssl);
	ticket = take_ticket(c);
	if (ticket && !SSL_set_session(ssl, ticket))
		ERR_clear_error(); /* a full handshake then */
	SSL_SESSION_free(ticket);
	return ssl;
}
