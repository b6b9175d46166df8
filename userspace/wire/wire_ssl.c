// SPDX-License-Identifier: GPL-2.0-or-later
// A session whose records OpenSSL makes and reads, between the worker's scratch buffers.
#include "wire/wire_impl.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"

/* A record that OpenSSL already holds a part of comes out together with what was received now. */
#define RECV_MAX (WIRE_READ_ROOM - 20 * 1024)

/* A peer that sends key updates and the like without end keeps the worker from everybody else. */
#define BARREN_MAX (64 * 1024)

struct wire_ssl {
	struct wire w;
	SSL *ssl;
	const uint8_t *in; /* ciphertext that OpenSSL has not taken yet; empty between two calls */
	size_t in_left;
	size_t barren;	 /* ciphertext since the last plaintext */
	size_t staged;	 /* bytes of records in sh->cipher_out; 0 between two calls */
	bool one_record; /* server, before its first plaintext: no more than one record is received
			  */
	uint8_t hdr[5];	 /* of that record */
	size_t hdr_have, record_left;
};

static struct wire_ssl *of(struct wire *w)
{
	return (struct wire_ssl *)(void *)w;
}

static int bio_read(BIO *b, char *p, int n)
{
	struct wire_ssl *s = BIO_get_data(b);
	size_t take = (size_t)n < s->in_left ? (size_t)n : s->in_left;

	BIO_clear_retry_flags(b);
	if (take == 0) {
		BIO_set_retry_read(b);
		return -1;
	}
	memcpy(p, s->in, take);
	s->in += take;
	s->in_left -= take;
	return (int)take;
}

static int bio_write(BIO *b, const char *p, int n)
{
	struct wire_ssl *s = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if ((size_t)n > WIRE_SCRATCH - s->staged)
		return -1;
	memcpy(s->w.sh->cipher_out + s->staged, p, (size_t)n);
	s->staged += (size_t)n;
	return n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void bio_method_make(void)
{
	bio_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "wire");
	if (!bio_method)
		return;
	BIO_meth_set_read(bio_method, bio_read);
	BIO_meth_set_write(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

/* Sends the records that the last calls into OpenSSL made. */
static int send_staged(struct wire_ssl *s, enum wire_push push)
{
	size_t n = s->staged;

	s->staged = 0;
	return n ? wire_send(&s->w, s->w.sh->cipher_out, n, push) : 0;
}

static enum wire_end ending(struct wire_ssl *s, int ret)
{
	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return WIRE_OPEN;
	case SSL_ERROR_ZERO_RETURN:
		return WIRE_CLOSED;
	default:
		return WIRE_RESET;
	}
}

/*
 * Receives of the first record what there is, and nothing of the second: header, then body. Peeking
 * at the header would not do: it takes a pending error off the socket, and more may come right
 * after it.
 */
static ssize_t receive_one(struct wire_ssl *s)
{
	size_t want = s->hdr_have < sizeof(s->hdr) ? sizeof(s->hdr) - s->hdr_have : s->record_left;
	ssize_t got = wire_recv(&s->w, s->w.sh->cipher_in, want);

	if (got <= 0)
		return got;
	if (s->hdr_have == sizeof(s->hdr)) {
		s->record_left -= (size_t)got;
	} else {
		memcpy(s->hdr + s->hdr_have, s->w.sh->cipher_in, (size_t)got);
		s->hdr_have += (size_t)got;
		if (s->hdr_have == sizeof(s->hdr))
			s->record_left = get_be16(s->hdr + 3);
	}
	if (s->hdr_have == sizeof(s->hdr) && s->record_left == 0)
		s->hdr_have = 0; /* no data was in it: the next one may be the first with some */
	return got;
}

/* Decrypts one receive into p: what it came to is in *ret_used. As wire_recv() otherwise. */
static ssize_t read_once(struct wire_ssl *s, uint8_t *p, size_t *ret_used)
{
	struct wire *w = &s->w;
	ssize_t got = s->one_record ? receive_one(s) : wire_recv(w, w->sh->cipher_in, RECV_MAX);
	size_t used = 0;
	int n;

	if (got <= 0)
		return got;
	s->in = w->sh->cipher_in;
	s->in_left = (size_t)got;
	ERR_clear_error();
	while ((n = SSL_read(s->ssl, p + used, (int)(WIRE_READ_ROOM - used))) > 0)
		used += (size_t)n;
	w->end = ending(s, n);
	s->in_left = 0;
	if (send_staged(s, WIRE_NOW) < 0) /* an alert, or our answer to a KeyUpdate */
		w->end = WIRE_RESET;
	*ret_used = used;
	return got;
}

static ssize_t ssl_read(struct wire *w, uint8_t *p)
{
	struct wire_ssl *s = of(w);
	size_t used = 0;
	ssize_t got;

	/* tickets and the like: the end may wait behind them, and would make no other edge */
	do {
		got = read_once(s, p, &used);
		if (used > 0)
			s->barren = 0;
		else if (got > 0)
			s->barren += (size_t)got;
		if (s->barren > BARREN_MAX)
			w->end = WIRE_RESET;
	} while (got > 0 && used == 0 && w->end == WIRE_OPEN);
	if (used > 0)
		s->one_record = false;
	if (used > 0 || got <= 0)
		return used > 0 ? (ssize_t)used : got;
	return w->end == WIRE_OPEN ? -EAGAIN : 0;
}

static int ssl_write(struct wire *w, const struct iovec *iov, int n, size_t total,
		     enum wire_push push)
{
	struct wire_ssl *s = of(w);
	const uint8_t *p = iov[0].iov_base;
	size_t used = 0;

	for (int i = 0; n > 1 && i < n; i++) {
		memcpy(w->sh->gather + used, iov[i].iov_base, iov[i].iov_len);
		used += iov[i].iov_len;
		p = w->sh->gather;
	}
	ERR_clear_error();
	if (SSL_write(s->ssl, p, (int)total) != (int)total) {
		s->staged = 0;
		return -EPIPE;
	}
	return send_staged(s, push);
}

static int ssl_close_notify(struct wire *w)
{
	struct wire_ssl *s = of(w);

	if (w->end == WIRE_RESET)
		return 0;
	ERR_clear_error();
	SSL_shutdown(s->ssl);
	return send_staged(s, WIRE_LATER);
}

static void ssl_free(struct wire *w)
{
	struct wire_ssl *s = of(w);

	/* a session that ends without close_notify must stay resumable */
	SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	free(s);
}

static const char *ssl_describe(const struct wire *w)
{
	static _Thread_local char text[96];
	const struct wire_ssl *s = (const struct wire_ssl *)(const void *)w;

	snprintf(text, sizeof(text), "%s %s%s in userspace (OpenSSL)", SSL_get_version(s->ssl),
		 SSL_get_cipher_name(s->ssl), SSL_session_reused(s->ssl) ? " resumed" : "");
	return text;
}

static const struct wire_ops ssl_ops = {
	.read = ssl_read,
	.write = ssl_write,
	.close_notify = ssl_close_notify,
	.free = ssl_free,
	.describe = ssl_describe,
	.place = WIRE_OPENSSL,
};

struct wire *wire_ssl_new(struct wire_shared *sh, int fd, struct ssl_st *ssl)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct wire_ssl *s = calloc(1, sizeof(*s));
	BIO *bio;

	pthread_once(&once, bio_method_make);
	bio = s && bio_method ? BIO_new(bio_method) : NULL;
	if (!bio) {
		free(s);
		return NULL;
	}
	wire_init(&s->w, &ssl_ops, sh, fd);
	s->ssl = ssl;
	s->one_record = SSL_is_server(ssl);
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	return &s->w;
}
