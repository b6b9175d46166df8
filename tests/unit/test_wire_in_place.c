// SPDX-License-Identifier: GPL-2.0-or-later
// Writing what lies where its records are to be, through every kind of wire.
#include "wire/wire.h"

#include "wire_put.h"

/* Writes the next n bytes of the pattern from where their records are to be. */
static int put_in_place(size_t n)
{
	struct iovec iov[WIRE_WRITE_MAX / WIRE_PIECE_MAX];
	uint8_t *p = pattern;
	int pieces = 0, err;

	for (size_t at = 0; at < n; pieces++) {
		size_t take = n - at < WIRE_PIECE_MAX ? n - at : WIRE_PIECE_MAX;

		p += WIRE_ROOM_BEFORE;
		iov[pieces] = (struct iovec){ p, take };
		for (size_t i = 0; i < take; i++)
			p[i] = bed_byte(written + at + i, 0);
		p += take + WIRE_ROOM_AFTER;
		at += take;
	}
	err = wire_write_in_place(bed.wire, iov, pieces, WIRE_NOW);
	if (!err)
		written += n;
	return err;
}

static void wire_write_in_place__any_size__is_laid_out_in_full_records(void **state)
{
	static const size_t sizes[] = { 1,     16383,  16384,  16385,	      32768,
					65536, 100000, 262143, WIRE_WRITE_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		unsigned before = bed.n_records;

		assert_int_equal(put_in_place(sizes[i]), 0);
		far_until(&bed, written);
		check_records(before, sizes[i]);
	}
}

static void wire_write_in_place__peer_takes_nothing__queues_in_order(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(put_in_place(WIRE_WRITE_MAX), 0);
		assert_int_equal(put(100, WIRE_LATER), 0);
	}
	assert_true(wire_queued(bed.wire) > WIRE_WRITE_MAX);
	far_until(&bed, written);
}

static void wire_write_in_place__key_used_up__goes_on_with_the_next(void **state)
{
	(void)state;
	if (!wire_bed_rekeys(&bed))
		return;
	bed.sh.records_max = 20;
	for (int i = 0; i < 5; i++) {
		unsigned before = bed.n_records;

		assert_int_equal(put_in_place(WIRE_WRITE_MAX), 0);
		far_until(&bed, written);
		check_records(before, WIRE_WRITE_MAX);
	}
}

static void wire_write_in_place__after_shutdown__is_epipe(void **state)
{
	(void)state;
	assert_int_equal(wire_shutdown(bed.wire), 0);
	assert_int_equal(put_in_place(10), -EPIPE);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		TEST(wire_write_in_place__any_size__is_laid_out_in_full_records),
		EACH(wire_write_in_place__peer_takes_nothing__queues_in_order, set_up_tiny),
		TEST(wire_write_in_place__key_used_up__goes_on_with_the_next),
		TEST(wire_write_in_place__after_shutdown__is_epipe),
	};

	return run_kinds(tests, COUNT(tests));
}
