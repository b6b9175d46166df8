/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What handshake.c (steps and reading) and handshake_out.c (what is sent) share. */
#ifndef WIRE_HANDSHAKE_IMPL_H
#define WIRE_HANDSHAKE_IMPL_H

#include <openssl/ssl.h>

#include "wire/handshake.h"
#include "wire/record.h"
#include "wire/tls_secrets.h"

struct handshake {
	struct wire_shared *sh;
	int fd;
	SSL *ssl;
	struct buf out; /* what the socket has not taken */
	uint8_t hdr[RECORD_HDR_LEN];
	uint8_t *record;   /* body of the record being read, once the header is there */
	size_t have, want; /* of header or body */
	struct tls_secrets secrets;
	uint64_t records_sent; /* under the session's keys: the tickets that a server sends first */
	char why[200];
};

/* Moves what OpenSSL wrote to the socket: 0, -EAGAIN, or -ECONNRESET. */
int handshake_flush(struct handshake *h);
/* Whole records that OpenSSL wrote and handshake_flush() has not fetched yet. */
uint64_t handshake_unsent(const struct handshake *h);

#endif
