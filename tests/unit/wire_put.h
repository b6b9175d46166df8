/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: the bed of a program whose tests run over every kind of wire, and writing through it.
 */
#ifndef TESTS_UNIT_WIRE_PUT_H
#define TESTS_UNIT_WIRE_PUT_H

#include "wire_bed.h"

static struct wire_bed bed;
static uint8_t pattern[2 * WIRE_WRITE_MAX];
static uint64_t written;

static inline int set_up_room(void **state, int room)
{
	written = 0;
	wire_bed_init(&bed, *state, room);
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
	wire_bed_done(&bed);
	return 0;
}

/* Writes the next n bytes of the pattern as three pieces (fewer where n is small). */
static inline int put(size_t n, enum wire_push push)
{
	size_t third = n / 3;
	struct iovec iov[3] = {
		{ pattern, third },
		{ pattern + third, third },
		{ pattern + 2 * third, n - 2 * third },
	};
	int err;

	for (size_t i = 0; i < n; i++)
		pattern[i] = bed_byte(written + i, 0);
	err = third ? wire_write(bed.wire, iov, 3, push) : wire_write(bed.wire, iov + 2, 1, push);
	if (!err)
		written += n;
	return err;
}

/* All but the last record of a write are full. */
static inline void check_records(unsigned from, size_t total)
{
	unsigned n = (unsigned)((total + 16383) / 16384);

	if (!bed.ssl)
		return;
	assert_int_equal(bed.n_records - from, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(bed.records[from + i],
				 i + 1 < n ? 16384 : total - (size_t)(n - 1) * 16384);
}

#define KIND(f, up, i)                                                                             \
	{                                                                                          \
#f, f, up, tear_down, (void *)&wire_kinds[i]                                       \
	}
#define EACH(f, up)                                                                                \
	KIND(f, up, 0), KIND(f, up, 1), KIND(f, up, 2), KIND(f, up, 3), KIND(f, up, 4),            \
		KIND(f, up, 5), KIND(f, up, 6), KIND(f, up, 7), KIND(f, up, 8), KIND(f, up, 9),    \
		KIND(f, up, 10), KIND(f, up, 11), KIND(f, up, 12)
#define TEST(f) EACH(f, set_up)

/* Runs the tests; where there is no kernel TLS, one skipped test stands for all that need it. */
static inline int run_kinds(struct CMUnitTest *tests, size_t n)
{
	size_t kept = 0;

	if (ktls_here())
		return _cmocka_run_group_tests("wire", tests, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		if ((const struct wire_kind *)tests[i].initial_state <
		    &wire_kinds[WIRE_KERNEL_KINDS])
			tests[kept++] = tests[i];
	tests[kept++] = (struct CMUnitTest){ .name = "over_kernel_tls", .test_func = ktls_lacking };
	return _cmocka_run_group_tests("wire", tests, kept, NULL, NULL);
}

#endif
