// SPDX-License-Identifier: GPL-2.0-or-later
// Feeds OpenSSL one record at a time until the handshake is done.
#include "wire/handshake_impl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/be.h"
#include "base/fd.h"
#include "base/secret.h"
#include "wire/wire_impl.h"

#define RECORD_BODY (16384 + 2048) /* TLS 1.2's limit for ciphertext */

static struct handshake *handshake_new(struct wire_shared *sh, int fd, SSL *ssl)
{
	struct handshake *h = calloc(1, sizeof(*h));
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	if (!h || !ssl || !in || !out) {
		free(h);
		SSL_free(ssl);
		BIO_free(in);
		BIO_free(out);
		return NULL;
	}
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(ssl, in, out);
	h->sh = sh;
	h->fd = fd;
	h->ssl = ssl;
	h->want = RECORD_HDR_LEN;
	tls_secrets_collect(ssl, &h->secrets);
	snprintf(h->why, sizeof(h->why), "connection lost"); /* where nothing better is known */
	return h;
}

struct handshake *handshake_accept(struct wire_shared *sh, int fd, struct tls_server *server)
{
	return handshake_new(sh, fd, tls_server_ssl(server));
}

struct handshake *handshake_connect(struct wire_shared *sh, int fd, struct tls_client *client)
{
	return handshake_new(sh, fd, tls_client_ssl(client));
}

void handshake_free(struct handshake *h)
{
	if (!h)
		return;
	fd_close(h->fd);
	tls_secrets_done(h->ssl, &h->secrets);
	SSL_free(h->ssl);
	buf_done(&h->out, h->sh->pool);
	free(h->record);
	free(h);
}

int handshake_fd(const struct handshake *h)
{
	return h->fd;
}

static int receive(struct handshake *h, uint8_t *into)
{
	while (h->have < h->want) {
		ssize_t n = recv(h->fd, into + h->have, h->want - h->have, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return -EAGAIN;
		if (n <= 0) {
			snprintf(h->why, sizeof(h->why), "%s",
				 n == 0 ? "closed by the peer" : strerror(errno));
			return -ECONNRESET;
		}
		h->have += (size_t)n;
	}
	return 0;
}

/* Anything else gets no body from us: OpenSSL shall refuse the header at once. */
static bool plausible(const uint8_t hdr[RECORD_HDR_LEN])
{
	return hdr[0] >= 20 && hdr[0] <= 24 && hdr[1] == 3 && get_be16(hdr + 3) <= RECORD_BODY;
}

/* Gives OpenSSL a record's header, which it may refuse already, or its body: 0, -EAGAIN,
 * -ECONNRESET. */
static int read_record(struct handshake *h)
{
	int err = h->record ? 0 : receive(h, h->hdr);

	if (err < 0)
		return err;
	if (!h->record) {
		size_t body = plausible(h->hdr) ? get_be16(h->hdr + 3) : 0;

		BIO_write(SSL_get_rbio(h->ssl), h->hdr, RECORD_HDR_LEN);
		h->have = 0;
		h->record = body ? malloc(body) : NULL;
		if (h->record)
			h->want = body;
		return body && !h->record ? -ECONNRESET : 0;
	}
	err = receive(h, h->record);
	if (err < 0)
		return err;
	BIO_write(SSL_get_rbio(h->ssl), h->record, (int)h->want);
	free(h->record);
	h->record = NULL;
	h->have = 0;
	h->want = RECORD_HDR_LEN;
	return 0;
}

static void explain(struct handshake *h)
{
	const char *refusal = tls_client_refusal(h->ssl);
	unsigned long e = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(e);

	snprintf(h->why, sizeof(h->why), "%s",
		 refusal  ? refusal
		 : reason ? reason
			  : "unknown TLS error");
}

int handshake_step(struct handshake *h)
{
	for (;;) {
		int ret, err, flushed;

		ERR_clear_error();
		tls_secrets_step(h->ssl);
		ret = SSL_do_handshake(h->ssl);
		err = SSL_get_error(h->ssl, ret);
		if (ret != 1 && err != SSL_ERROR_WANT_READ)
			explain(h);
		/* a server's last word is tickets, a client's still has the handshake's keys */
		if (ret == 1 && SSL_is_server(h->ssl))
			h->records_sent += handshake_unsent(h);
		flushed = handshake_flush(h);
		if (ret == 1 && SSL_version(h->ssl) < TLS1_2_VERSION) {
			snprintf(h->why, sizeof(h->why), "%s is too old", SSL_get_version(h->ssl));
			return -EPROTO;
		}
		if (ret == 1)
			return flushed == -ECONNRESET ? flushed : 0;
		if (err != SSL_ERROR_WANT_READ) {
			if (SSL_is_server(h->ssl))
				wire_drop_read_ahead(h->sh, h->fd);
			return -EPROTO;
		}
		if (flushed == -ECONNRESET)
			return flushed;
		err = read_record(h);
		if (err < 0)
			return err;
	}
}

const char *handshake_why(const struct handshake *h)
{
	return h->why;
}

const char *handshake_alpn(const struct handshake *h, size_t *ret_len)
{
	const unsigned char *p;
	unsigned len;

	SSL_get0_alpn_selected(h->ssl, &p, &len);
	*ret_len = len;
	return (const char *)p;
}

/* A client's SSL lives on until the tickets have come; a server's has nothing left to do. */
static struct wire *record_wire(struct handshake *h, const struct tls_keys *keys)
{
	bool client = !SSL_is_server(h->ssl);
	const struct wire_record_opts opts = {
		.keys = keys,
		.client = client,
		.resumed = SSL_session_reused(h->ssl),
		.tickets = client ? h->ssl : NULL,
	};
	struct wire *w = wire_record_new(h->sh, h->fd, &opts);

	if (w && !client)
		SSL_free(h->ssl);
	return w;
}

struct wire *handshake_finish(struct handshake *h)
{
	struct tls_keys keys;
	bool ours = tls_secrets_keys(&h->secrets, h->ssl, h->sh->crypto.kdf, &keys);
	struct wire *w;

	tls_secrets_done(h->ssl, &h->secrets);
	if (ours) {
		keys.tx.seq = h->records_sent;
		w = record_wire(h, &keys);
	} else {
		w = wire_ssl_new(h->sh, h->fd, h->ssl);
	}
	secret_wipe(&keys, sizeof(keys));
	if (w) {
		w->out = h->out;
		h->out = (struct buf){ 0 };
		h->fd = -1;
		h->ssl = NULL;
	}
	handshake_free(h);
	return w;
}
