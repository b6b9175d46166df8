/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: a TLS 1.3 wire, ours or OpenSSL's, whose far end seals and opens records by hand. */
#ifndef TESTS_UNIT_RECORD_BED_H
#define TESTS_UNIT_RECORD_BED_H

#include "tls_pair.h"

#include "forge.h"
#include "tcp_bed.h"
#include "wire/tls_secrets.h"
#include "wire/wire.h"

struct record_kind {
	const char *suite;
	bool records; /* our own records; else OpenSSL's */
	bool client;  /* the wire is the client's */
};

struct record_bed {
	struct buf_pool pool;
	struct wire_shared sh;
	struct wire *wire;
	uint8_t *in; /* for wire_read() */
	int far;
	struct record_crypto rc; /* the far end's */
	struct record_dir tx, rx;
	uint8_t *out; /* what the far end has forged and not sent yet */
	size_t n_out;
};

#define RECORD_BED_OUT (1 << 20)

/* Both ends after a handshake, without tickets; the secrets are the same for both. */
static inline struct tls_pair record_bed_ssl(const char *suite, struct tls_secrets *secrets)
{
	struct made m = make_self_signed("a.test");
	const struct tls_keypair pair = { .cert_pem = m.cert, .key_pem = m.key, .name = "test" };
	const struct tls_server_opts so = { .pairs = &pair, .n_pairs = 1 };
	const struct tls_client_opts co = { .server_name = "a.test", .insecure = true };
	struct tls_server *s = server_of(&so);
	struct tls_client *c = client_of(&co);
	struct tls_pair p = pair_new(s, c);

	assert_true(SSL_set_ciphersuites(p.client, suite));
	assert_true(SSL_set_num_tickets(p.server, 0));
	tls_secrets_collect(p.server, secrets);
	assert_true(pair_handshake(&p));
	SSL_set_app_data(p.server, NULL); /* `secrets` stay */
	tls_server_free(s);
	tls_client_free(c);
	made_free(&m);
	return p;
}

static inline void record_bed_init(struct record_bed *b, const struct record_kind *kind, int room)
{
	struct tls_secrets secrets = { 0 };
	struct tls_pair p = record_bed_ssl(kind->suite, &secrets);
	SSL *near = kind->client ? p.client : p.server, *far = kind->client ? p.server : p.client;
	struct tls_keys keys, far_keys;
	const struct wire_record_opts opts = { .keys = &keys, .client = kind->client };
	int pair[2];

	memset(b, 0, sizeof(*b));
	assert_int_equal(wire_shared_init(&b->sh, &b->pool), 0);
	assert_int_equal(record_crypto_init(&b->rc), 0);
	assert_true(tls_secrets_keys(&secrets, near, b->rc.kdf, &keys));
	assert_true(tls_secrets_keys(&secrets, far, b->rc.kdf, &far_keys));
	record_dir_init(&b->tx, far_keys.suite, &far_keys.tx, true);
	record_dir_init(&b->rx, far_keys.suite, &far_keys.rx, false);
	b->in = malloc(WIRE_READ_ROOM);
	b->out = malloc(RECORD_BED_OUT);
	assert_true(b->in && b->out);
	bed_tcp_pair(pair, room);
	b->far = pair[0];
	b->wire = kind->records ? wire_record_new(&b->sh, pair[1], &opts)
				: wire_ssl_new(&b->sh, pair[1], near);
	assert_non_null(b->wire);
	if (kind->records)
		SSL_free(near);
	SSL_free(far);
}

static inline void record_bed_done(struct record_bed *b)
{
	wire_free(b->wire);
	if (b->far >= 0)
		close(b->far);
	free(b->in);
	free(b->out);
	record_dir_done(&b->rc, &b->tx);
	record_dir_done(&b->rc, &b->rx);
	record_crypto_done(&b->rc);
	assert_int_equal(b->pool.bytes_out, 0);
	buf_pool_trim(&b->pool, 0);
	wire_shared_done(&b->sh);
}

/* The far end's next record, padded; it waits for far_send(). */
static inline void far_put(struct record_bed *b, unsigned type, const void *p, size_t n, size_t pad)
{
	assert_true(RECORD_BED_OUT - b->n_out >= n + pad + RECORD_OVERHEAD);
	b->n_out += forge(&b->rc, &b->tx, type, p, n, pad, b->out + b->n_out);
}

/* Bytes that are no good record. */
static inline void far_put_raw(struct record_bed *b, const void *p, size_t n)
{
	memcpy(b->out + b->n_out, p, n);
	b->n_out += n;
}

static inline void far_put_data(struct record_bed *b, const char *text)
{
	far_put(b, RECORD_DATA, text, strlen(text), 0);
}

static inline void far_key_update(struct record_bed *b, bool request)
{
	const uint8_t message[] = { 24, 0, 0, 1, request };

	far_put(b, RECORD_HANDSHAKE, message, sizeof(message), 0);
	assert_int_equal(record_dir_update(&b->rc, &b->tx), 0);
}

/* One segment, where it fits in one. */
static inline void far_send(struct record_bed *b)
{
	assert_int_equal(send(b->far, b->out, b->n_out, MSG_NOSIGNAL), b->n_out);
	b->n_out = 0;
}

/* Fills p with n bytes while the wire is flushed: n, or fewer at the end of the stream; -errno. */
static inline ssize_t far_fill(struct record_bed *b, uint8_t *p, size_t n)
{
	struct pollfd ready = { .fd = b->far, .events = POLLIN };
	size_t have = 0;

	for (int tries = 0; have < n && tries < 1000; tries++) {
		ssize_t got = recv(b->far, p + have, n - have, 0);

		if (got == 0)
			return (ssize_t)have;
		if (got < 0 && errno != EAGAIN)
			return -errno;
		have += got > 0 ? (size_t)got : 0;
		tries = got > 0 ? 0 : tries;
		if (got < 0) {
			wire_flush(b->wire);
			poll(&ready, 1, 10);
		}
	}
	return have < n ? -ETIMEDOUT : (ssize_t)have;
}

/*
 * The content of the next record at p, which has room for a record: its type; 0: FIN; -errno.
 * KeyUpdates are followed.
 */
static inline int far_get(struct record_bed *b, uint8_t *p, size_t *n)
{
	ssize_t got = far_fill(b, p, RECORD_HDR_LEN);
	int body;

	if (got <= 0)
		return (int)got;
	assert_int_equal(got, RECORD_HDR_LEN);
	body = record_body_len(p);
	assert_true(body > 0);
	assert_int_equal(far_fill(b, p + RECORD_HDR_LEN, (size_t)body), body);
	got = record_open(&b->rc, &b->rx, p, p + RECORD_HDR_LEN, n);
	assert_true(got > 0);
	memmove(p, p + RECORD_HDR_LEN, *n);
	if (got == RECORD_HANDSHAKE && p[0] == 24)
		assert_int_equal(record_dir_update(&b->rc, &b->rx), 0);
	return (int)got;
}

/* wire_read() until bytes or an end come. */
static inline ssize_t near_get(struct record_bed *b)
{
	struct pollfd ready = { .fd = wire_fd(b->wire), .events = POLLIN };
	ssize_t n = wire_read(b->wire, b->in);

	for (int i = 0; i < 1000 && n == -EAGAIN; i++) {
		poll(&ready, 1, 10);
		n = wire_read(b->wire, b->in);
	}
	return n;
}

static inline void near_wants(struct record_bed *b, const char *text)
{
	size_t have = 0, want = strlen(text);

	while (have < want) {
		ssize_t n = near_get(b);

		assert_true(n > 0 && (size_t)n <= want - have);
		assert_memory_equal(b->in, text + have, n);
		have += (size_t)n;
	}
}

static inline void near_ends(struct record_bed *b, enum wire_end want)
{
	assert_int_equal(near_get(b), 0);
	assert_int_equal(wire_end(b->wire), want);
	assert_int_equal(wire_read(b->wire, b->in), 0);
}

static inline int near_put(struct record_bed *b, const char *text)
{
	struct iovec iov = { (void *)text, strlen(text) };

	return wire_write(b->wire, &iov, 1, WIRE_NOW);
}

/* The far end's next record is an alert like this. */
static inline void far_wants_alert(struct record_bed *b, uint8_t level, uint8_t what)
{
	uint8_t p[FORGE_TEXT];
	size_t n;

	assert_int_equal(far_get(b, p, &n), RECORD_ALERT);
	assert_int_equal(n, 2);
	assert_int_equal(p[0], level);
	assert_int_equal(p[1], what);
}

static inline void far_wants_data(struct record_bed *b, const char *text)
{
	uint8_t p[FORGE_TEXT];
	size_t n;

	assert_int_equal(far_get(b, p, &n), RECORD_DATA);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(p, text, n);
}

static inline void far_wants_fin(struct record_bed *b)
{
	uint8_t p[FORGE_TEXT];
	size_t n;

	assert_int_equal(far_get(b, p, &n), 0);
}

#endif
