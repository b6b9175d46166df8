// SPDX-License-Identifier: GPL-2.0-or-later
// Our records against OpenSSL's: every size both ways, padding of any length, and keys that change
// all the time.
#include "wire/wire.h"

#include "wire_bed.h"

#define PATTERN (RECORD_DATA_MAX + 251)

static struct wire_bed bed;
static uint8_t pattern[PATTERN], plain[WIRE_READ_ROOM];
static uint32_t seed;

static size_t draw(size_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* The record gets some bytes more, as far as there is room. */
static size_t pad_randomly(SSL *ssl, int type, size_t len, void *arg)
{
	size_t room = RECORD_DATA_MAX > len ? RECORD_DATA_MAX - len : 0;

	(void)ssl;
	(void)type;
	(void)arg;
	return draw(2) ? 0 : draw((room < 300 || draw(20) == 0 ? room : 300) + 1);
}

static int set_up(void **state)
{
	wire_bed_init(&bed, *state, 0);
	seed = 1;
	for (size_t i = 0; i < PATTERN; i++)
		pattern[i] = (uint8_t)(i * 131 + i / 251);
	SSL_set_record_padding_callback(bed.ssl, pad_randomly);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	wire_bed_done(&bed);
	return 0;
}

/* Where in the pattern the text of a record of n bytes begins. */
static const uint8_t *text_of(size_t n)
{
	return pattern + n % 251;
}

/* What the wire has sent so far, decrypted: records of from, from + 1, ... bytes, up to `to`. */
static void far_wants_sizes(size_t from, size_t to)
{
	static uint8_t raw[65536];

	for (int tries = 0; from <= to && tries < 1000; tries++) {
		ssize_t n = recv(bed.far, raw, sizeof(raw), 0);
		int got;

		wire_flush(bed.wire);
		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			far_wait(&bed);
			continue;
		}
		assert_true(n > 0);
		assert_int_equal(BIO_write(SSL_get_rbio(bed.ssl), raw, (int)n), n);
		/* SSL_read() never joins records */
		while ((got = SSL_read(bed.ssl, plain, sizeof(plain))) > 0) {
			assert_int_equal(got, from);
			assert_memory_equal(plain, text_of(from), from);
			from++;
		}
		ERR_clear_error();
	}
	assert_int_equal(from, to + 1);
}

/* What comes out of the wire is those texts, one behind the other. */
static void near_wants_sizes(size_t from, size_t to)
{
	static uint8_t want[8 * RECORD_DATA_MAX];
	size_t total = 0, have = 0;

	for (size_t n = from; n <= to; total += n++)
		memcpy(want + total, text_of(n), n);
	while (have < total) {
		ssize_t got = near_read(&bed);

		assert_true(got > 0 && (size_t)got <= total - have);
		assert_memory_equal(bed.in, want + have, got);
		have += (size_t)got;
	}
}

static void near_puts(size_t n)
{
	const uint8_t *text = text_of(n);
	size_t cut = draw(n + 1);
	struct iovec iov[] = { { (void *)text, cut }, { (void *)(text + cut), n - cut } };

	assert_int_equal(wire_write(bed.wire, iov, 2, draw(2) ? WIRE_NOW : WIRE_LATER), 0);
}

static void far_puts(size_t n)
{
	if (draw(50) == 0)
		SSL_key_update(bed.ssl,
			       draw(2) ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
	assert_int_equal(SSL_write(bed.ssl, text_of(n), (int)n), n);
}

/* All that the far end's TLS has written: no more than the kernel takes at once. */
static void far_sends(void)
{
	char *p;
	long n = BIO_get_mem_data(SSL_get_wbio(bed.ssl), &p);

	for (long at = 0; at < n;) {
		ssize_t sent = send(bed.far, p + at, (size_t)(n - at), MSG_NOSIGNAL);

		assert_true(sent > 0);
		at += sent;
	}
	BIO_reset(SSL_get_wbio(bed.ssl));
}

static void wire__every_size_both_ways__is_byte_exact(void **state)
{
	(void)state;
	bed.sh.records_max = 10;
	for (size_t from = 1; from <= RECORD_DATA_MAX;) {
		size_t to = from;

		for (size_t total = 0; to <= RECORD_DATA_MAX && total < 64 * 1024; total += to++) {
			near_puts(to);
			far_puts(to);
		}
		far_sends();
		near_wants_sizes(from, to - 1);
		far_wants_sizes(from, to - 1);
		from = to;
	}
}

static unsigned updates;

static void count_updates(int write, int version, int type, const void *p, size_t n, SSL *ssl,
			  void *arg)
{
	(void)version;
	(void)ssl;
	(void)arg;
	if (!write && type == SSL3_RT_HANDSHAKE && n == 5 && *(const uint8_t *)p == 24)
		updates++;
}

/* Three big writes under keys that last for so many records each. */
static void wire_write__keys_change_inside_a_write__is_byte_exact(void **state)
{
	static const uint64_t limits[] = { 1, 2, 3, 10, 17 };

	(void)state;
	SSL_set_msg_callback(bed.ssl, count_updates);
	for (size_t i = 0; i < COUNT(limits); i++) {
		static uint8_t text[WIRE_WRITE_MAX];
		struct iovec iov = { text, sizeof(text) };

		updates = 0;
		bed.sh.records_max = limits[i];
		for (int write = 0; write < 3; write++) {
			for (size_t at = 0; at < sizeof(text); at++)
				text[at] = bed_byte(bed.got + at, 0);
			assert_int_equal(wire_write(bed.wire, &iov, 1, WIRE_NOW), 0);
			far_until(&bed, bed.got + sizeof(text));
		}
		assert_in_range(updates, 48 / limits[i], 48 / (limits[i] > 1 ? limits[i] - 1 : 1));
	}
}

static void wire_read__padded_to_a_block__is_byte_exact(void **state)
{
	static const size_t blocks[] = { 2, 3, 100, 1024, 16384 };
	uint64_t at = 0;

	(void)state;
	SSL_set_record_padding_callback(bed.ssl, NULL);
	for (size_t i = 0; i < COUNT(blocks); i++) {
		assert_true(SSL_set_block_padding(bed.ssl, blocks[i]));
		for (size_t n = 1; n <= RECORD_DATA_MAX; at += n, n += 997) {
			far_write(&bed, at, n);
			near_until(&bed, at, n);
		}
	}
}

#define KIND(f, i)                                                                                 \
	{                                                                                          \
#f, f, set_up, tear_down, (void *)&wire_kinds[i]                                   \
	}
#define EACH(f) KIND(f, 3), KIND(f, 4), KIND(f, 5), KIND(f, 6)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(wire__every_size_both_ways__is_byte_exact),
		EACH(wire_write__keys_change_inside_a_write__is_byte_exact),
		EACH(wire_read__padded_to_a_block__is_byte_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
