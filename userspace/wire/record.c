// SPDX-License-Identifier: GPL-2.0-or-later
// One TLS 1.3 record: header, nonce, AEAD, content type, padding.
#include "wire/record.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/be.h"
#include "base/secret.h"

int record_crypto_init(struct record_crypto *rc)
{
	rc->aead = aead_new();
	rc->kdf = tls_kdf_new();
	if (rc->aead && rc->kdf)
		return 0;
	record_crypto_done(rc);
	return -ENOMEM;
}

void record_crypto_done(struct record_crypto *rc)
{
	aead_free(rc->aead);
	tls_kdf_free(rc->kdf);
	*rc = (struct record_crypto){ 0 };
}

void record_dir_init(struct record_dir *d, enum tls_suite s, const struct tls_half *keys, bool seal)
{
	*d = (struct record_dir){ .keys = *keys, .suite = s, .seal = seal };
}

int record_dir_update(struct record_crypto *rc, struct record_dir *d)
{
	aead_drop(rc->aead, &d->claim);
	return tls_half_update(rc->kdf, d->suite, &d->keys);
}

void record_dir_rest(struct record_crypto *rc, struct record_dir *d)
{
	aead_drop(rc->aead, &d->claim);
	secret_wipe(d->keys.key, sizeof(d->keys.key));
}

void record_dir_done(struct record_crypto *rc, struct record_dir *d)
{
	aead_drop(rc->aead, &d->claim);
	secret_wipe(&d->keys, sizeof(d->keys));
}

/* The context with the nonce of the next record and its header as additional data. */
static EVP_CIPHER_CTX *begin(struct record_crypto *rc, struct record_dir *d, const uint8_t *hdr)
{
	EVP_CIPHER_CTX *ctx = aead_get(rc->aead, &d->claim, d->suite, d->keys.key, d->seal);
	uint8_t nonce[TLS_IV_LEN];
	int n;

	memcpy(nonce, d->keys.iv, sizeof(nonce));
	put_be32(nonce + 4, get_be32(nonce + 4) ^ (uint32_t)(d->keys.seq >> 32));
	put_be32(nonce + 8, get_be32(nonce + 8) ^ (uint32_t)d->keys.seq);
	if (!ctx || !EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, -1, NULL) ||
	    !EVP_CipherUpdate(ctx, NULL, &n, hdr, RECORD_HDR_LEN))
		return NULL;
	return ctx;
}

/* Encrypts n bytes of the gather list to out. */
static bool seal_pieces(EVP_CIPHER_CTX *ctx, struct record_src *src, size_t n, uint8_t *out)
{
	while (n > 0) {
		size_t left = src->iov->iov_len - src->at, take = left < n ? left : n;
		int done = 0;

		if (take > 0 &&
		    !EVP_CipherUpdate(ctx, out, &done, (uint8_t *)src->iov->iov_base + src->at,
				      (int)take))
			return false;
		out += take;
		n -= take;
		src->at += take;
		if (take == left) {
			src->iov++;
			src->at = 0;
		}
	}
	return true;
}

/* The header of a record with n bytes of content. */
static void put_header(uint8_t *hdr, size_t n)
{
	hdr[0] = RECORD_DATA;
	put_be16(hdr + 1, 0x0303);
	put_be16(hdr + 3, (uint16_t)(n + 1 + RECORD_TAG_LEN));
}

/* Writes the tag; the record is done. */
static bool finish(EVP_CIPHER_CTX *ctx, struct record_dir *tx, uint8_t *tag)
{
	int done;

	if (!EVP_CipherFinal_ex(ctx, tag, &done) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, RECORD_TAG_LEN, tag))
		return false;
	tx->keys.seq++;
	return true;
}

ssize_t record_seal(struct record_crypto *rc, struct record_dir *tx, enum record_type type,
		    struct record_src *src, size_t n, uint8_t *out)
{
	const uint8_t inner_type = (uint8_t)type;
	uint8_t *body = out + RECORD_HDR_LEN;
	EVP_CIPHER_CTX *ctx;
	int done;

	put_header(out, n);
	ctx = begin(rc, tx, out);
	if (!ctx || !seal_pieces(ctx, src, n, body) ||
	    !EVP_CipherUpdate(ctx, body + n, &done, &inner_type, 1) ||
	    !finish(ctx, tx, body + n + 1))
		return -EIO;
	return (ssize_t)(n + RECORD_OVERHEAD);
}

ssize_t record_seal_in_place(struct record_crypto *rc, struct record_dir *tx, enum record_type type,
			     uint8_t *content, size_t n)
{
	EVP_CIPHER_CTX *ctx;
	int done;

	put_header(content - RECORD_HDR_LEN, n);
	content[n] = (uint8_t)type;
	ctx = begin(rc, tx, content - RECORD_HDR_LEN);
	if (!ctx || !EVP_CipherUpdate(ctx, content, &done, content, (int)n + 1) ||
	    !finish(ctx, tx, content + n + 1))
		return -EIO;
	return (ssize_t)(n + RECORD_OVERHEAD);
}

int record_body_len(const uint8_t hdr[static RECORD_HDR_LEN])
{
	unsigned len = get_be16(hdr + 3);

	if (hdr[1] != 3)
		return -ALERT_PROTOCOL_VERSION;
	if (hdr[0] != RECORD_DATA)
		return -ALERT_UNEXPECTED_MESSAGE;
	if (hdr[2] != 3) /* it is also under the tag; OpenSSL answers it with this */
		return -ALERT_DECODE_ERROR;
	if (len > RECORD_BODY_MAX)
		return -ALERT_RECORD_OVERFLOW;
	return (int)len;
}

int record_open(struct record_crypto *rc, struct record_dir *rx, const uint8_t *record,
		uint8_t *out, size_t *n_out)
{
	const uint8_t *body = record + RECORD_HDR_LEN;
	size_t n = get_be16(record + 3);
	EVP_CIPHER_CTX *ctx;
	int done, type;

	if (n <= RECORD_TAG_LEN)
		return -ALERT_BAD_RECORD_MAC;
	n -= RECORD_TAG_LEN;
	ctx = begin(rc, rx, record);
	if (!ctx || !EVP_CipherUpdate(ctx, out, &done, body, (int)n) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, RECORD_TAG_LEN, (void *)(body + n)))
		return -ALERT_INTERNAL_ERROR;
	if (EVP_CipherFinal_ex(ctx, out + n, &done) <= 0)
		return -ALERT_BAD_RECORD_MAC;
	rx->keys.seq++;
	do {
		type = out[--n];
	} while (type == 0 && n > 0);
	if (type != RECORD_DATA && type != RECORD_HANDSHAKE && type != RECORD_ALERT)
		return -ALERT_UNEXPECTED_MESSAGE;
	if (type != RECORD_DATA && n == 0)
		return -ALERT_UNEXPECTED_MESSAGE;
	if (n > RECORD_DATA_MAX)
		return -ALERT_RECORD_OVERFLOW;
	*n_out = n;
	return type;
}
