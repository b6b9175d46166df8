// SPDX-License-Identifier: GPL-2.0-or-later
// The sending side of a handshake: in pieces such as a web server's OpenSSL sends.
#include "wire/handshake_impl.h"

#include <errno.h>

#include "base/be.h"
#include "wire/wire_impl.h"

#define OPENSSL_BUFFER 4096 /* of handshake messages to write */

/*
 * How much of what OpenSSL wrote goes into one send. Where it writes to the socket itself, as in a
 * web server, these are its buffers, and each ticket goes alone; packets show it.
 */
static int piece(const struct handshake *h)
{
	char *p;
	long n = BIO_get_mem_data(SSL_get_wbio(h->ssl), &p);

	if (!SSL_is_server(h->ssl) || n < RECORD_HDR_LEN)
		return WIRE_SCRATCH;
	if (!SSL_is_init_finished(h->ssl) || SSL_version(h->ssl) < TLS1_3_VERSION)
		return OPENSSL_BUFFER;
	return RECORD_HDR_LEN + get_be16((uint8_t *)p + 3);
}

static int send_out(struct handshake *h)
{
	uint64_t sent = 0;
	int err = wire_send_queue(h->fd, &h->out, h->sh->pool, &sent);

	return err == 0 || err == -EAGAIN ? err : -ECONNRESET;
}

int handshake_flush(struct handshake *h)
{
	int n, err = 0;

	while (err != -ECONNRESET &&
	       (n = BIO_read(SSL_get_wbio(h->ssl), h->sh->cipher_out, piece(h))) > 0)
		err = buf_append(&h->out, h->sh->pool, h->sh->cipher_out, (size_t)n) < 0
			      ? -ECONNRESET
			      : send_out(h);
	return err == -ECONNRESET ? err : send_out(h);
}

uint64_t handshake_unsent(const struct handshake *h)
{
	char *p;
	size_t n = (size_t)BIO_get_mem_data(SSL_get_wbio(h->ssl), &p), at = 0;
	uint64_t records = 0;

	for (; n - at >= RECORD_HDR_LEN; records++)
		at += RECORD_HDR_LEN + (size_t)get_be16((uint8_t *)p + at + 3);
	return records;
}
