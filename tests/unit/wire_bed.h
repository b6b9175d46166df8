/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: a wire of any kind on a loopback connection, whose far end sees every record. */
#ifndef TESTS_UNIT_WIRE_BED_H
#define TESTS_UNIT_WIRE_BED_H

#include "tls_pair.h"

#include "ktls_here.h"
#include "tcp_bed.h"
#include "base/be.h"
#include "wire/tls_secrets.h"
#include "wire/wire.h"

#define BED_RECORDS 256

struct wire_kind {
	const char *name;
	int version;		   /* 0: plain */
	size_t overhead;	   /* bytes of a record's body beyond the plaintext */
	const char *suites;	   /* of TLS 1.3 */
	bool records;		   /* our own records; else OpenSSL's */
	bool client;		   /* the wire is the client's */
	bool kernel_tx, kernel_rx; /* the kernel makes, reads the records */
};

static const struct wire_kind wire_kinds[] = {
	{ "plain", 0, 0, NULL, false, false, false, false },
	{ "TLS 1.2", TLS1_2_VERSION, 24, NULL, false, false, false,
	  false }, /* 8 bytes of nonce, 16 of tag */
	{ "TLS 1.3", TLS1_3_VERSION, 17, NULL, false, false, false, false }, /* type and tag */
	{ "records", TLS1_3_VERSION, 17, "TLS_AES_128_GCM_SHA256", true, false, false, false },
	{ "records", TLS1_3_VERSION, 17, "TLS_AES_256_GCM_SHA384", true, false, false, false },
	{ "records", TLS1_3_VERSION, 17, "TLS_CHACHA20_POLY1305_SHA256", true, false, false,
	  false },
	{ "records", TLS1_3_VERSION, 17, "TLS_AES_256_GCM_SHA384", true, true, false, false },
	{ "kernel", TLS1_3_VERSION, 17, "TLS_AES_128_GCM_SHA256", true, false, true, true },
	{ "kernel", TLS1_3_VERSION, 17, "TLS_AES_256_GCM_SHA384", true, false, true, true },
	{ "kernel", TLS1_3_VERSION, 17, "TLS_CHACHA20_POLY1305_SHA256", true, false, true, true },
	{ "kernel", TLS1_3_VERSION, 17, "TLS_AES_128_GCM_SHA256", true, true, true, true },
	{ "kernel sends", TLS1_3_VERSION, 17, "TLS_AES_256_GCM_SHA384", true, false, true, false },
	{ "kernel reads", TLS1_3_VERSION, 17, "TLS_AES_256_GCM_SHA384", true, true, false, true },
};
#define WIRE_KERNEL_KINDS 7 /* from here on */

struct wire_bed {
	const struct wire_kind *kind;
	struct buf_pool pool;
	struct wire_shared sh;
	struct wire *wire;
	uint8_t *in; /* for wire_read() */
	int far;
	SSL *ssl;     /* of the far end; NULL where plain */
	uint8_t *raw; /* received, not a whole record yet */
	size_t n_raw;
	uint64_t got;		     /* plaintext bytes that came out, as the pattern says */
	size_t records[BED_RECORDS]; /* plaintext sizes of data records */
	unsigned n_records;
	bool notified; /* close_notify came */
	bool fin;
	int err; /* of recv() */
};

#define RAW_ROOM (16384 + 512)

/* Both ends after a handshake; `secrets`: those of the wire's end. */
static inline struct tls_pair wire_bed_ssl(const struct wire_kind *kind,
					   struct tls_secrets *secrets)
{
	struct made m = make_self_signed("a.test");
	uint8_t keys[TLS_TICKET_KEYS_LEN] = { 1 };
	const struct tls_keypair pair = { .cert_pem = m.cert, .key_pem = m.key, .name = "test" };
	const struct tls_server_opts so = { .pairs = &pair,
					    .n_pairs = 1,
					    .ticket_keys = keys,
					    .cipher_suites = "ECDHE-ECDSA-AES128-GCM-SHA256",
					    .min_version = kind->version,
					    .max_version = kind->version };
	const struct tls_client_opts co = { .server_name = "a.test", .insecure = true };
	struct tls_server *s = server_of(&so);
	struct tls_client *c = client_of(&co);
	struct tls_pair p = pair_new(s, c);

	if (kind->suites)
		assert_true(SSL_set_ciphersuites(p.client, kind->suites));
	tls_secrets_collect(kind->client ? p.client : p.server, secrets);
	assert_true(pair_handshake(&p));
	tls_server_free(s);
	tls_client_free(c);
	made_free(&m);
	return p;
}

/* Whole records that wait in a memory BIO. */
static inline uint64_t wire_bed_waiting(BIO *bio)
{
	char *p;
	size_t n = (size_t)BIO_get_mem_data(bio, &p), at = 0;
	uint64_t records = 0;

	for (; at < n; records++)
		at += 5 + (size_t)get_be16((uint8_t *)p + at + 3);
	return records;
}

/* Hands the keys of `near` over to a wire of our own records. */
static inline struct wire *wire_bed_record(struct wire_shared *sh, const struct wire_kind *kind,
					   int fd, SSL *near, struct tls_secrets *secrets)
{
	struct tls_keys keys;
	struct wire_record_opts opts = { .keys = &keys, .client = kind->client };
	struct wire *w;

	assert_true(tls_secrets_keys(secrets, near, sh->crypto.kdf, &keys));
	assert_string_equal(tls_suite_name(keys.suite), kind->suites);
	keys.tx.seq = kind->client ? 0 : wire_bed_waiting(SSL_get_wbio(near)); /* tickets */
	SSL_set_app_data(near, NULL);
	opts.tickets = kind->client ? near : NULL;
	w = wire_record_new(sh, fd, &opts);
	assert_non_null(w);
	if (!kind->client)
		SSL_free(near);
	return w;
}

/* Receiving is handed over behind the first data. */
static inline void wire_bed_to_kernel(struct wire_bed *b)
{
	const struct wire_kernel_opts o = { .tx = b->kind->kernel_tx,
					    .rx = b->kind->kernel_rx,
					    .rekey_tx = ktls_rekeys() };
	enum wire_place tx, rx;

	assert_int_equal(wire_to_kernel(b->wire, &o), 0);
	wire_places(b->wire, &tx, &rx);
	assert_int_equal(tx, b->kind->kernel_tx ? WIRE_KERNEL : WIRE_RECORDS);
	assert_int_equal(rx, WIRE_RECORDS);
	assert_null(wire_kernel_refusal(b->wire));
}

/* Whether its keys can be replaced; what happens where they cannot: test_wire_kernel.c. */
static inline bool wire_bed_rekeys(const struct wire_bed *b)
{
	return b->kind < &wire_kinds[WIRE_KERNEL_KINDS] || ktls_rekeys();
}

static inline void wire_bed_init(struct wire_bed *b, const struct wire_kind *kind, int room)
{
	int pair[2];

	memset(b, 0, sizeof(*b));
	b->kind = kind;
	assert_int_equal(wire_shared_init(&b->sh, &b->pool), 0);
	b->in = malloc(WIRE_READ_ROOM);
	b->raw = malloc(RAW_ROOM);
	assert_true(b->in && b->raw);
	bed_tcp_pair(pair, room);
	b->far = pair[0];
	if (kind->version) {
		struct tls_secrets secrets = { 0 };
		struct tls_pair p = wire_bed_ssl(kind, &secrets);
		SSL *near = kind->client ? p.client : p.server;

		b->ssl = kind->client ? p.server : p.client;
		b->wire = kind->records ? wire_bed_record(&b->sh, kind, pair[1], near, &secrets)
					: wire_ssl_new(&b->sh, pair[1], near);
	} else {
		b->wire = wire_plain_new(&b->sh, pair[1]);
	}
	assert_non_null(b->wire);
	assert_int_equal(wire_fd(b->wire), pair[1]);
	if (kind->kernel_tx || kind->kernel_rx)
		wire_bed_to_kernel(b);
}

static inline void wire_bed_done(struct wire_bed *b)
{
	wire_free(b->wire);
	SSL_free(b->ssl);
	if (b->far >= 0)
		close(b->far);
	free(b->in);
	free(b->raw);
	assert_int_equal(b->pool.bytes_out, 0);
	buf_pool_trim(&b->pool, 0);
	wire_shared_done(&b->sh);
}

static inline void far_check(struct wire_bed *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != bed_byte(b->got + i, 0))
			fail_msg("byte %llu differs", (unsigned long long)(b->got + i));
	b->got += n;
}

/* Decrypts one record at b->raw and notes its size if it carries data. */
static inline void far_record(struct wire_bed *b, size_t body)
{
	uint8_t plain[16384 + 1];
	uint64_t before = b->got;
	int n;

	assert_int_equal(BIO_write(SSL_get_rbio(b->ssl), b->raw, (int)(5 + body)), 5 + body);
	while ((n = SSL_read(b->ssl, plain, sizeof(plain))) > 0)
		far_check(b, plain, (size_t)n);
	b->notified |= SSL_get_error(b->ssl, n) == SSL_ERROR_ZERO_RETURN;
	ERR_clear_error();
	if (b->got == before)
		return;
	assert_true(b->n_records < BED_RECORDS);
	assert_int_equal(b->got - before, body - b->kind->overhead);
	b->records[b->n_records++] = body - b->kind->overhead;
}

/* Receives what there is, record by record. */
static inline void far_pump(struct wire_bed *b)
{
	for (;;) {
		size_t want = RAW_ROOM;
		ssize_t n;

		if (b->ssl && b->n_raw < 5)
			want = 5;
		else if (b->ssl)
			want = 5 + (size_t)(b->raw[3] << 8 | b->raw[4]);
		assert_true(want <= RAW_ROOM);
		n = recv(b->far, b->raw + b->n_raw, want - b->n_raw, 0);
		b->fin |= n == 0;
		if (n < 0 && errno != EAGAIN)
			b->err = errno;
		if (n <= 0)
			return;
		b->n_raw += (size_t)n;
		if (!b->ssl)
			far_check(b, b->raw, b->n_raw);
		else if (b->n_raw < want || want == 5)
			continue;
		else
			far_record(b, want - 5);
		b->n_raw = 0;
	}
}

/* Loopback delivers at once, but another CPU may still be at it. */
static inline void far_wait(struct wire_bed *b)
{
	struct pollfd p = { .fd = b->far, .events = POLLIN };

	poll(&p, 1, 20);
	far_pump(b);
}

/* Until `n` bytes came out; the wire is flushed meanwhile. */
static inline void far_until(struct wire_bed *b, uint64_t n)
{
	for (int i = 0; i < 5000 && b->got < n; i++) {
		int err = wire_flush(b->wire);

		assert_true(err == 0 || err == -EAGAIN);
		far_wait(b);
	}
	assert_int_equal(b->got, n);
}

/* Sends what the far end's TLS has written. */
static inline void far_flush(struct wire_bed *b)
{
	uint8_t p[4096];
	int n;

	while ((n = BIO_read(SSL_get_wbio(b->ssl), p, sizeof(p))) > 0)
		assert_int_equal(send(b->far, p, (size_t)n, MSG_NOSIGNAL), n);
}

/* The far end writes the pattern of side 1 from `at` on. */
static inline void far_write(struct wire_bed *b, uint64_t at, size_t n)
{
	uint8_t p[16384];

	assert_true(n <= sizeof(p));
	for (size_t i = 0; i < n; i++)
		p[i] = bed_byte(at + i, 1);
	if (!b->ssl) {
		assert_int_equal(send(b->far, p, n, MSG_NOSIGNAL), n);
		return;
	}
	assert_int_equal(SSL_write(b->ssl, p, (int)n), n);
	far_flush(b);
}

/* wire_read() until bytes or an end come. */
static inline ssize_t near_read(struct wire_bed *b)
{
	struct pollfd p = { .fd = wire_fd(b->wire), .events = POLLIN };
	ssize_t n = -EAGAIN;

	for (int i = 0; i < 100 && n == -EAGAIN; i++) {
		n = wire_read(b->wire, b->in);
		if (n == -EAGAIN)
			poll(&p, 1, 20);
	}
	return n;
}

/* Reads until `n` bytes of the far end's pattern came, from `at` on. */
static inline void near_until(struct wire_bed *b, uint64_t at, uint64_t n)
{
	for (uint64_t end = at + n; at < end;) {
		ssize_t got = near_read(b);

		assert_true(got > 0);
		for (ssize_t i = 0; i < got; i++)
			if (b->in[i] != bed_byte(at + (uint64_t)i, 1))
				fail_msg("byte %llu differs", (unsigned long long)at);
		at += (uint64_t)got;
		assert_true(at <= end);
	}
}

#endif
