/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS 1.3 records, one at a time: made and read with given keys (RFC 8446, 5). No I/O. */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "wire/aead.h"
#include "wire/tls_keys.h"

#define RECORD_HDR_LEN	5
#define RECORD_TAG_LEN	16
#define RECORD_DATA_MAX 16384
#define RECORD_OVERHEAD (RECORD_HDR_LEN + 1 + RECORD_TAG_LEN) /* without padding */
#define RECORD_BODY_MAX (RECORD_DATA_MAX + 256)		      /* of a protected record */

enum record_type {
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_DATA = 23,
};

/* Alerts that a record can deserve (RFC 8446, 6). */
enum record_alert {
	ALERT_CLOSE_NOTIFY = 0,
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_BAD_RECORD_MAC = 20,
	ALERT_RECORD_OVERFLOW = 22,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_DECODE_ERROR = 50,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_USER_CANCELED = 90,
};

/* What one thread's records are made with. */
struct record_crypto {
	struct aead *aead;
	struct tls_kdf *kdf;
};

/* 0 or -ENOMEM. */
int record_crypto_init(struct record_crypto *rc);
void record_crypto_done(struct record_crypto *rc);

/* One direction of a connection. It and its crypto belong together until record_dir_done(). */
struct record_dir {
	struct tls_half keys;
	enum tls_suite suite;
	bool seal;
	struct aead_claim claim;
};

void record_dir_init(struct record_dir *d, enum tls_suite s, const struct tls_half *keys,
		     bool seal);
/* Takes the next generation of keys. 0 or -EIO. */
int record_dir_update(struct record_crypto *rc, struct record_dir *d);
/* Somebody else makes the records from here on: gives up what only they need; the secret stays. */
void record_dir_rest(struct record_crypto *rc, struct record_dir *d);
/* Wipes the keys. */
void record_dir_done(struct record_crypto *rc, struct record_dir *d);

/* A place in a gather list. */
struct record_src {
	const struct iovec *iov;
	size_t at; /* bytes of *iov that are used already */
};

/*
 * Seals the next n (at most RECORD_DATA_MAX) bytes of src, which must be there, as one record of
 * n + RECORD_OVERHEAD bytes at out. Returns its length, or -EIO.
 */
ssize_t record_seal(struct record_crypto *rc, struct record_dir *tx, enum record_type type,
		    struct record_src *src, size_t n, uint8_t *out);

/* The same for n bytes at `content`, whose record begins RECORD_HDR_LEN bytes before them: it
 * becomes what lies there, up to the tag behind the content and its type. */
ssize_t record_seal_in_place(struct record_crypto *rc, struct record_dir *tx, enum record_type type,
			     uint8_t *content, size_t n);

/*
 * What a header says about its record: the length of the body, or -alert where no body can make it
 * a good one.
 */
int record_body_len(const uint8_t hdr[static RECORD_HDR_LEN]);

/*
 * Opens a whole record, whose header record_body_len() accepted. `out` has room for the body, and
 * may be anywhere apart from the record, or be its body; n_out gets the length of the content,
 * which is without padding. Returns the type of the content, or -alert; then what is at out is
 * worthless.
 */
int record_open(struct record_crypto *rc, struct record_dir *rx, const uint8_t *record,
		uint8_t *out, size_t *n_out);

#endif
