/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: a wire whose records the kernel shall make and read, and a peer that forges its own.
 */
#ifndef TESTS_UNIT_KERNEL_BED_H
#define TESTS_UNIT_KERNEL_BED_H

#include "record_bed.h"

#include "ktls_here.h"

struct kernel_kind {
	struct record_kind of;
	bool tx, rx;
};

static const struct kernel_kind kernel_kinds[] = {
	{ { "TLS_AES_128_GCM_SHA256", true, false }, true, true },
	{ { "TLS_AES_256_GCM_SHA384", true, true }, true, true },
	{ { "TLS_CHACHA20_POLY1305_SHA256", true, false }, true, true },
	{ { "TLS_AES_128_GCM_SHA256", true, true }, true, false },
	{ { "TLS_AES_256_GCM_SHA384", true, false }, false, true },
};
#define KERNEL_BOTH    0 /* of them: one that does both */
#define KERNEL_SIZES   1024
#define KERNEL_PATTERN (2 * WIRE_WRITE_MAX)

static struct record_bed bed;
static const struct kernel_kind *kind;
static uint8_t got[FORGE_TEXT];
static uint8_t pattern[KERNEL_PATTERN];
static uint64_t written, taken;	    /* bytes of the pattern that the wire wrote, the peer got */
static unsigned n_sizes, n_updates; /* records of data, KeyUpdates that the peer got */
static size_t sizes[KERNEL_SIZES];
static struct wire_kernel_opts opts; /* for hand_over() */

static inline int set_up_room(void **state, int room)
{
	kind = *state ? *state : &kernel_kinds[KERNEL_BOTH];
	written = taken = 0;
	n_sizes = n_updates = 0;
	opts = (struct wire_kernel_opts){ .tx = kind->tx,
					  .rx = kind->rx,
					  .rekey_tx = ktls_rekeys() };
	record_bed_init(&bed, &kind->of, room);
	return 0;
}

static inline int set_up(void **state)
{
	return set_up_room(state, 0);
}

static inline int set_up_tiny(void **state)
{
	return set_up_room(state, 4096);
}

static inline int tear_down(void **state)
{
	(void)state;
	record_bed_done(&bed);
	return 0;
}

static inline void check_places(enum wire_place want_tx, enum wire_place want_rx)
{
	enum wire_place tx, rx;

	wire_places(bed.wire, &tx, &rx);
	assert_int_equal(tx, want_tx);
	assert_int_equal(rx, want_rx);
}

static inline void ask_kernel(void)
{
	assert_int_equal(wire_to_kernel(bed.wire, &opts), 0);
}

/* Both directions, where the kind has both. */
static inline void hand_over(void)
{
	far_put_data(&bed, "first");
	far_send(&bed);
	near_wants(&bed, "first");
	ask_kernel();
	check_places(opts.tx ? WIRE_KERNEL : WIRE_RECORDS, opts.rx ? WIRE_KERNEL : WIRE_RECORDS);
	assert_null(wire_kernel_refusal(bed.wire));
}

/* Writes the next n bytes of the pattern. */
static inline int put(size_t n, enum wire_push push)
{
	struct iovec iov[2] = { { pattern, n / 3 }, { pattern + n / 3, n - n / 3 } };
	int err;

	for (size_t i = 0; i < n; i++)
		pattern[i] = bed_byte(written + i, 0);
	err = wire_write(bed.wire, iov, 2, push);
	written += err ? 0 : n;
	return err;
}

/* What the wire holds leaves once the peer reads, and no edge says so. */
static inline void await_far(void)
{
	struct pollfd ready = { .fd = bed.far, .events = POLLIN };

	poll(&ready, 1, 10);
}

/* Until our socket knows of a reset, which stays unread. */
static inline void await_reset(void)
{
	struct pollfd ends = { .fd = wire_fd(bed.wire) };

	assert_int_equal(poll(&ends, 1, 5000), 1);
}

/* The peer's next record, whose data must be the pattern's next: its type, or as far_get(). */
static inline int far_take(void)
{
	size_t n = 0;
	int type = far_get(&bed, got, &n);

	n_updates += type == RECORD_HANDSHAKE && got[0] == 24;
	if (type != RECORD_DATA)
		return type;
	for (size_t i = 0; i < n; i++)
		if (got[i] != bed_byte(taken + i, 0))
			fail_msg("byte %llu differs", (unsigned long long)(taken + i));
	taken += n;
	sizes[n_sizes++ % KERNEL_SIZES] = n;
	return type;
}

static inline void far_take_until(uint64_t n)
{
	while (taken < n) {
		int type = far_take();

		assert_true(type == RECORD_DATA || type == RECORD_HANDSHAKE);
	}
	assert_int_equal(taken, n);
}

/* Data, close_notify, FIN, in this order. */
static inline void far_takes_the_rest(void)
{
	far_take_until(written);
	far_wants_alert(&bed, 1, ALERT_CLOSE_NOTIFY);
	far_wants_fin(&bed);
}

/* The records from `from` on are those of a write of so many bytes. */
static inline void check_sizes(unsigned from, size_t total)
{
	for (; total > 0; from++) {
		size_t want = total < RECORD_DATA_MAX ? total : RECORD_DATA_MAX;

		assert_true(from < n_sizes);
		assert_int_equal(sizes[from % KERNEL_SIZES], want);
		total -= want;
	}
	assert_int_equal(from, n_sizes);
}

#define KERNEL_TEST_UP(f, up, i)                                                                   \
	{                                                                                          \
#f, f, up, tear_down, (void *)&kernel_kinds[i]                                     \
	}
#define KERNEL_TEST(f) KERNEL_TEST_UP(f, set_up, KERNEL_BOTH)
#define KERNEL_TINY(f) KERNEL_TEST_UP(f, set_up_tiny, KERNEL_BOTH)
#define KERNEL_EACH(f, up)                                                                         \
	KERNEL_TEST_UP(f, up, 0), KERNEL_TEST_UP(f, up, 1), KERNEL_TEST_UP(f, up, 2),              \
		KERNEL_TEST_UP(f, up, 3), KERNEL_TEST_UP(f, up, 4)

/* Runs the tests; where there is no kernel TLS, one skipped test stands for them. */
static inline int run_kernel(const struct CMUnitTest *tests, size_t n)
{
	static const struct CMUnitTest none = { .name = "over_kernel_tls",
						.test_func = ktls_lacking };

	return ktls_here() ? _cmocka_run_group_tests("kernel", tests, n, NULL, NULL)
			   : _cmocka_run_group_tests("kernel", &none, 1, NULL, NULL);
}

#endif
