// SPDX-License-Identifier: GPL-2.0-or-later
// A wire of our own records whose peer follows a script: good records, forged ones, rubbish. What
// comes out is what was put in, up to the first byte that was not good.
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define OUT_MAX	     (64 * 1024)
#define EXPECTED_MAX (256 * 1024)
#define PIECES_MAX   200 /* more of them only take time */
#define CALM_UPDATES 32	 /* so many in a run are certainly borne with, and so many empty records */

struct run {
	const uint8_t *p; /* the script */
	size_t n;
	struct wire *wire;
	int far;
	struct record_dir tx, rx;
	uint8_t out[OUT_MAX]; /* sealed, not sent yet */
	size_t n_out;
	size_t put, got; /* bytes of `expected` that went in and that came out */
	unsigned odd;	 /* empty records and key updates so far */
	bool maybe;	 /* something was sent that may end it */
	bool dead;	 /* something was sent that nothing may follow */
};

static struct buf_pool pool;
static struct wire_shared sh;
static struct record_crypto rc;
static uint8_t expected[EXPECTED_MAX], in[WIRE_READ_ROOM];

static void set_up(void)
{
	if (sh.cipher_in)
		return;
	CHECK(wire_shared_init(&sh, &pool) == 0);
	CHECK(record_crypto_init(&rc) == 0);
	sh.records_max = 7;
}

static size_t next(struct run *r)
{
	if (r->n == 0)
		return 0;
	r->n--;
	return *r->p++;
}

static struct tls_half keys_of(enum tls_suite s, int seed)
{
	struct tls_half h;

	memset(&h, seed, sizeof(h));
	CHECK(tls_half_install(rc.kdf, s, &h) == 0);
	return h;
}

static void begin(struct run *r)
{
	size_t flags = next(r);
	const enum tls_suite s = tls_suite_of(0x1301 + (unsigned)(flags >> 1) % 3);
	struct tls_keys keys = { .suite = s, .tx = keys_of(s, 1), .rx = keys_of(s, 2) };
	const struct wire_record_opts opts = { .keys = &keys, .client = flags & 1 };
	int fd[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	r->far = fd[0];
	r->wire = wire_record_new(&sh, fd[1], &opts);
	CHECK(r->wire);
	record_dir_init(&r->tx, s, &keys.rx, true);
	record_dir_init(&r->rx, s, &keys.tx, false);
}

/* Reads all there is: it must be the next of what was put in. */
static void read_all(struct run *r)
{
	ssize_t n;

	while ((n = wire_read(r->wire, in)) > 0) {
		CHECK((size_t)n <= r->put - r->got);
		CHECK(memcmp(in, expected + r->got, (size_t)n) == 0);
		r->got += (size_t)n;
	}
	CHECK(n == 0 || n == -EAGAIN);
	CHECK((n == 0) == (wire_end(r->wire) != WIRE_OPEN));
	CHECK(r->maybe || r->dead || n == -EAGAIN);
}

static void deliver(struct run *r, size_t piece)
{
	if (piece > 0 && piece < r->n_out / PIECES_MAX)
		piece = r->n_out / PIECES_MAX;
	for (size_t at = 0, n; at < r->n_out; at += n) {
		n = piece > 0 && piece < r->n_out - at ? piece : r->n_out - at;
		if (send(r->far, r->out + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			break; /* the wire is gone, and with it the rest */
		read_all(r);
	}
	r->n_out = 0;
	CHECK(r->maybe || r->dead || r->got == r->put);
}

/* Room for one more record of n bytes with its padding. */
static void make_room(struct run *r, size_t n)
{
	if (OUT_MAX - r->n_out < n + RECORD_OVERHEAD)
		deliver(r, 0);
}

static void seal(struct run *r, uint8_t type, const uint8_t *p, size_t n, size_t pad)
{
	static uint8_t inner[2 * RECORD_DATA_MAX];
	struct iovec iov = { inner, n + pad };
	struct record_src src = { &iov, 0 };

	make_room(r, n + pad);
	memcpy(inner, p, n);
	inner[n] = type;
	memset(inner + n + 1, 0, pad);
	r->n_out +=
		(size_t)record_seal(&rc, &r->tx, inner[n + pad], &src, n + pad, r->out + r->n_out);
}

static void put_data(struct run *r)
{
	size_t n = next(r) << 8, pad = next(r) * 5;
	uint8_t *p = expected + r->put;

	n = (n | next(r)) % (RECORD_DATA_MAX + 2);
	pad = n + pad <= RECORD_DATA_MAX ? pad : 0;
	if (n > EXPECTED_MAX - r->put)
		return;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((r->put + i) * 131 + (r->put + i) / 509);
	seal(r, RECORD_DATA, p, n, pad);
	r->odd += n == 0;
	r->maybe |= r->odd > CALM_UPDATES;
	r->dead |= n > RECORD_DATA_MAX;
	r->put += r->dead ? 0 : n;
}

/* A record whose type and content the script says. */
static void put_any(struct run *r)
{
	uint8_t type = (uint8_t)next(r), pad = (uint8_t)next(r);
	size_t n = next(r);

	n = n < r->n ? n : r->n;
	if (type == RECORD_DATA)
		return;
	n = type ? n : 0; /* a type 0 is padding, and the content's end would be the type */
	seal(r, type, r->p, n, pad);
	r->p += n;
	r->n -= n;
	r->maybe = true;
	r->dead |= n == 0 || (type != RECORD_ALERT && type != RECORD_HANDSHAKE);
}

static void put_raw(struct run *r)
{
	size_t n = next(r);

	n = n < r->n ? n : r->n;
	make_room(r, n);
	memcpy(r->out + r->n_out, r->p, n);
	r->n_out += n;
	r->p += n;
	r->n -= n;
	r->dead |= n > 0;
}

static void put_key_update(struct run *r)
{
	const uint8_t message[] = { 24, 0, 0, 1, next(r) & 1 };

	seal(r, RECORD_HANDSHAKE, message, sizeof(message), 0);
	CHECK(record_dir_update(&rc, &r->tx) == 0);
	r->maybe |= ++r->odd > CALM_UPDATES;
}

/* A good record, but for one bit. */
static void put_forged(struct run *r)
{
	size_t from, at = next(r), bit = next(r) % 8;

	make_room(r, 64);
	from = r->n_out;
	seal(r, RECORD_DATA, (const uint8_t *)"not to be seen", 14, 3);
	r->out[from + at % (r->n_out - from)] ^= (uint8_t)(1 << bit);
	r->dead = true;
}

/* Everything that the wire sent opens, and its data are n bytes of zero. */
static void far_check(struct run *r, size_t n)
{
	static uint8_t raw[WIRE_SCRATCH];
	ssize_t len = recv(r->far, raw, sizeof(raw), 0);
	size_t data = 0;

	for (ssize_t at = 0; at < len;) {
		int body = record_body_len(raw + at), type;
		size_t got;

		CHECK(body > 0 && at + RECORD_HDR_LEN + body <= len);
		type = record_open(&rc, &r->rx, raw + at, raw + at + RECORD_HDR_LEN, &got);
		CHECK(type > 0);
		if (type == RECORD_HANDSHAKE)
			CHECK(record_dir_update(&rc, &r->rx) == 0);
		for (size_t i = 0; type == RECORD_DATA && i < got; i++)
			CHECK(raw[at + RECORD_HDR_LEN + (ssize_t)i] == 0);
		data += type == RECORD_DATA ? got : 0;
		at += RECORD_HDR_LEN + body;
	}
	CHECK(data == n);
}

static void write_some(struct run *r)
{
	static uint8_t zeros[4 * 255 * 64];
	size_t n = next(r) * 64 + 1;
	struct iovec iov[] = { { zeros, n }, { NULL, 0 }, { zeros, n * 3 } };
	int err = wire_write(r->wire, iov, 3, WIRE_NOW);

	CHECK(err == 0 || r->maybe || r->dead);
	CHECK(wire_queued(r->wire) == 0);
	far_check(r, err == 0 ? 4 * n : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const ops[])(struct run *) = { put_data,	     put_any,	 put_raw,
						     put_key_update, put_forged, write_some };
	static struct run r;

	set_up();
	memset(&r, 0, offsetof(struct run, out));
	r.n_out = r.put = r.got = r.odd = 0;
	r.maybe = r.dead = false;
	r.p = data;
	r.n = size;
	begin(&r);
	while (r.n > 0) {
		size_t op = next(&r);

		if (op % 8 < sizeof(ops) / sizeof(ops[0]))
			ops[op % 8](&r);
		else
			deliver(&r, op % 8 == 6 ? 0 : next(&r));
	}
	deliver(&r, 0);
	wire_free(r.wire);
	close(r.far);
	record_dir_done(&rc, &r.tx);
	record_dir_done(&rc, &r.rx);
	return 0;
}
