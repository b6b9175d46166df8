// SPDX-License-Identifier: GPL-2.0-or-later
// Good records: the traces of RFC 8448, every way to gather them, padding, and opening in place.
#include "wire/record.h"

#include <errno.h>

#include "hex.h"
#include "record_pair.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* RFC 8448, 3: what each end sends under the keys of its application data. */
static const struct trace {
	const char *key, *iv;
	uint64_t seq;
	enum record_type type;
	const char *content, *record;
} traces[] = {
	{ "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9", 0, RECORD_DATA,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f3031",
	  "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5"
	  "b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4" },
	{ "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9", 1, RECORD_ALERT, "0100",
	  "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3" },
	{ "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984", 1, RECORD_DATA,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f3031",
	  "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d"
	  "90e6dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d" },
	{ "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984", 2, RECORD_ALERT, "0100",
	  "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9" },
};

static struct tls_half trace_keys(const struct trace *t)
{
	struct tls_half h = { .seq = t->seq };
	uint8_t bytes[HEX_MAX];

	memcpy(h.key, bytes, hex_get(t->key, bytes));
	memcpy(h.iv, bytes, hex_get(t->iv, bytes));
	return h;
}

static void record_seal__rfc8448_contents__give_its_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(traces); i++) {
		struct tls_half keys = trace_keys(&traces[i]);
		uint8_t content[HEX_MAX], want[HEX_MAX];
		size_t n = hex_get(traces[i].content, content);
		size_t len = hex_get(traces[i].record, want);
		struct iovec iov = { content, n };
		struct record_src src = { &iov, 0 };
		struct record_dir d;

		record_dir_init(&d, TLS_SUITE_AES_128_GCM, &keys, true);
		assert_int_equal(record_seal(&rc, &d, traces[i].type, &src, n, record), len);
		assert_memory_equal(record, want, len);
		assert_int_equal(d.keys.seq, traces[i].seq + 1);
		record_dir_done(&rc, &d);
	}
}

static void record_open__rfc8448_records__give_their_contents(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(traces); i++) {
		struct tls_half keys = trace_keys(&traces[i]);
		uint8_t content[HEX_MAX], sealed[HEX_MAX];
		size_t n = hex_get(traces[i].content, content), got = 0;
		size_t len = hex_get(traces[i].record, sealed);
		struct record_dir d;

		record_dir_init(&d, TLS_SUITE_AES_128_GCM, &keys, false);
		assert_int_equal(record_body_len(sealed), len - RECORD_HDR_LEN);
		assert_int_equal(record_open(&rc, &d, sealed, opened, &got), traces[i].type);
		assert_int_equal(got, n);
		assert_memory_equal(opened, content, n);
		assert_int_equal(d.keys.seq, traces[i].seq + 1);
		record_dir_done(&rc, &d);
	}
}

/* Opens `record`, of n bytes and with this content. */
static void check_opens(size_t n, enum record_type type, const uint8_t *content, size_t want)
{
	size_t got = SIZE_MAX;

	assert_int_equal(record_body_len(record), n - RECORD_HDR_LEN);
	assert_int_equal(record_open(&rc, &rx, record, opened, &got), type);
	assert_int_equal(got, want);
	assert_memory_equal(opened, content, want);
}

static void record_seal__sizes_at_the_limits__open_again(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 15, 16, 17, 16367, 16368, 16383, 16384 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		check_opens(forge(&rc, &tx, RECORD_DATA, text, sizes[i], 0, record), RECORD_DATA,
			    text, sizes[i]);
}

/* One list, sealed as records of 16384, 16384 and 1000 bytes, each going on where the last ended.
 */
static void record_seal__many_pieces_with_empty_ones__reads_them_through(void **state)
{
	static uint8_t source[2 * RECORD_DATA_MAX + 1000];
	static struct iovec iov[sizeof(source) + 100];
	static const size_t pieces[] = { 0, 1, 0, 0, 7, 16, 0, 1000, 3, 16384, 0, 33 };
	struct record_src src = { iov, 0 };
	size_t used = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = (uint8_t)(i * 57 + i / 255);
	for (size_t i = 0; used < sizeof(source); i++) {
		size_t left = sizeof(source) - used, want = pieces[i % COUNT(pieces)];

		iov[i] = (struct iovec){ want ? source + used : NULL, want < left ? want : left };
		used += iov[i].iov_len;
	}
	used = 0;
	for (size_t n = RECORD_DATA_MAX; used < sizeof(source); used += n) {
		n = sizeof(source) - used < n ? sizeof(source) - used : n;
		assert_int_equal(record_seal(&rc, &tx, RECORD_DATA, &src, n, record),
				 n + RECORD_OVERHEAD);
		check_opens(n + RECORD_OVERHEAD, RECORD_DATA, source + used, n);
	}
}

/* Every byte a piece of its own. */
static void record_seal__pieces_of_one_byte__is_the_same_record(void **state)
{
	static struct iovec iov[RECORD_DATA_MAX];
	struct tls_half again = tx.keys;
	struct record_src src = { iov, 0 };
	static uint8_t whole[FORGE_MAX];
	size_t n = forge(&rc, &tx, RECORD_DATA, text, RECORD_DATA_MAX, 0, whole);

	(void)state;
	for (size_t i = 0; i < RECORD_DATA_MAX; i++)
		iov[i] = (struct iovec){ text + i, 1 };
	tx.keys.seq = again.seq;
	assert_int_equal(record_seal(&rc, &tx, RECORD_DATA, &src, RECORD_DATA_MAX, record), n);
	assert_memory_equal(record, whole, n);
}

/* The nonce takes all 64 bits of the sequence: beyond 32 bits too, records open only in order. */
static void record_seal__sequence_beyond_32_bits__opens_with_the_same_alone(void **state)
{
	static const uint64_t seqs[] = { UINT32_MAX, (uint64_t)UINT32_MAX + 1, 1ull << 63 };

	(void)state;
	for (size_t i = 0; i < COUNT(seqs); i++) {
		size_t n, got;

		tx.keys.seq = rx.keys.seq = seqs[i];
		n = forge(&rc, &tx, RECORD_DATA, text, 100, 0, record);
		rx.keys.seq ^= 1ull << 40;
		assert_int_equal(record_open(&rc, &rx, record, opened, &got),
				 -ALERT_BAD_RECORD_MAC);
		rx.keys.seq ^= 1ull << 40;
		check_opens(n, RECORD_DATA, text, 100);
		assert_int_equal(rx.keys.seq, seqs[i] + 1);
	}
}

static void record_open__padding__is_taken_off(void **state)
{
	static const struct {
		enum record_type type;
		size_t n, pad;
	} cases[] = {
		{ RECORD_DATA, 0, 0 },	   { RECORD_DATA, 0, 1 },	{ RECORD_DATA, 0, 16384 },
		{ RECORD_DATA, 1, 16383 }, { RECORD_DATA, 16383, 1 },	{ RECORD_DATA, 16384, 239 },
		{ RECORD_ALERT, 2, 500 },  { RECORD_HANDSHAKE, 5, 77 },
	};

	(void)state;
	memset(text + 100, 0, 100); /* zeros of the content itself stay */
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = forge(&rc, &tx, cases[i].type, text, cases[i].n, cases[i].pad, record);

		check_opens(n, cases[i].type, text, cases[i].n);
	}
	check_opens(forge(&rc, &tx, RECORD_DATA, text, 200, 9, record), RECORD_DATA, text, 200);
}

static void record_open__in_place__gives_the_same(void **state)
{
	static const size_t sizes[] = { 0, 1, 31, 16384 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		size_t got;

		forge(&rc, &tx, RECORD_DATA, text, sizes[i], i, record);
		assert_int_equal(record_open(&rc, &rx, record, record + RECORD_HDR_LEN, &got),
				 RECORD_DATA);
		assert_int_equal(got, sizes[i]);
		assert_memory_equal(record + RECORD_HDR_LEN, text, got);
	}
}

static void record_dir_update__both_ends__go_on_with_the_next_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < 10; i++) {
		size_t n, got;

		check_opens(forge(&rc, &tx, RECORD_DATA, text, 50, 0, record), RECORD_DATA, text,
			    50);
		assert_int_equal(record_dir_update(&rc, &tx), 0);
		n = forge(&rc, &tx, RECORD_DATA, text, 50, 0, record);
		assert_int_equal(record_open(&rc, &rx, record, opened, &got),
				 -ALERT_BAD_RECORD_MAC);
		assert_int_equal(record_dir_update(&rc, &rx), 0);
		check_opens(n, RECORD_DATA, text, 50);
	}
}

static void record_dir_done__keys__are_wiped(void **state)
{
	static const struct tls_half none;

	(void)state;
	forge(&rc, &tx, RECORD_DATA, text, 1, 0, record);
	record_dir_done(&rc, &tx);
	assert_memory_equal(&tx.keys, &none, sizeof(none));
}

static enum tls_suite suites[] = { TLS_SUITE_AES_128_GCM, TLS_SUITE_AES_256_GCM,
				   TLS_SUITE_CHACHA20_POLY1305 };

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define KIND(f, i)                                                                                 \
	{                                                                                          \
#f, f, set_up, tear_down, &suites[i]                                               \
	}
#define EACH(f) KIND(f, 0), KIND(f, 1), KIND(f, 2)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(record_seal__rfc8448_contents__give_its_records),
		TEST(record_open__rfc8448_records__give_their_contents),
		EACH(record_seal__sizes_at_the_limits__open_again),
		EACH(record_seal__many_pieces_with_empty_ones__reads_them_through),
		EACH(record_seal__pieces_of_one_byte__is_the_same_record),
		EACH(record_seal__sequence_beyond_32_bits__opens_with_the_same_alone),
		EACH(record_open__padding__is_taken_off),
		EACH(record_open__in_place__gives_the_same),
		EACH(record_dir_update__both_ends__go_on_with_the_next_key),
		EACH(record_dir_done__keys__are_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
