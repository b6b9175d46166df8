// SPDX-License-Identifier: GPL-2.0-or-later
// Key updates and used-up keys where the kernel has the keys: followed and made where it can
// replace them, told and refused in time where it cannot.
#include "wire/wire.h"

#include "kernel_bed.h"

/* Where the kernel reads, its key is replaced, or that is the end, behind all that came before. */
static void peer_updates(bool request)
{
	far_put_data(&bed, "before");
	far_key_update(&bed, request);
	far_put_data(&bed, "behind");
	far_send(&bed);
	if (opts.rx && !ktls_rekeys()) {
		near_wants(&bed, "before");
		near_ends(&bed, WIRE_STALE);
	} else {
		near_wants(&bed, "beforebehind");
	}
}

static void wire_read__key_update__is_followed_or_told_behind_the_data(void **state)
{
	(void)state;
	hand_over();
	peer_updates(false);
	assert_int_equal(wire_wear(bed.wire), WIRE_FRESH);
	assert_int_equal(put(1000, WIRE_NOW), 0);
	far_take_until(1000);
	assert_int_equal(n_updates, 0);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_takes_the_rest();
}

/* The answer is given, or the wire is spent; what is due can still be written and closed. */
static void wire_read__key_update_asked_for__is_answered_or_the_end_is_near(void **state)
{
	bool answers = ktls_rekeys() || !kind->tx;

	(void)state;
	hand_over();
	peer_updates(true);
	assert_int_equal(wire_wear(bed.wire), answers ? WIRE_FRESH : WIRE_SPENT);
	assert_int_equal(put(1000, WIRE_NOW), 0);
	assert_int_equal(put(1000, WIRE_NOW), 0);
	far_take_until(2000);
	assert_int_equal(n_updates, answers);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_takes_the_rest();
}

static void wire_read__many_key_updates__are_all_followed(void **state)
{
	(void)state;
	if (!ktls_rekeys()) {
		print_message("skipped: no new keys here\n");
		skip();
	}
	hand_over();
	for (unsigned i = 0; i < 20; i++) {
		peer_updates(i % 2);
		assert_int_equal(put(20000, i % 3 ? WIRE_NOW : WIRE_LATER), 0);
		far_take_until(written);
	}
	assert_int_equal(n_updates, 10);
}

/* Both in one record: the kernel looks at the first byte of it only. */
static void wire_read__key_update_behind_a_ticket__is_followed_or_told(void **state)
{
	static const uint8_t both[] = { 4, 0, 0, 2, 9, 9, 24, 0, 0, 1, 0 };

	(void)state;
	hand_over();
	far_put(&bed, RECORD_HANDSHAKE, both, sizeof(both), 0);
	assert_int_equal(record_dir_update(&bed.rc, &bed.tx), 0);
	far_put_data(&bed, "behind");
	far_send(&bed);
	if (ktls_rekeys())
		near_wants(&bed, "behind");
	else
		near_ends(&bed, WIRE_STALE);
}

/* No key seals more records than the limit, the KeyUpdate and the farewell among them. */
static void wire_write__limit__is_worn_then_spent_then_refused(void **state)
{
	(void)state;
	opts.rekey_tx = false;
	hand_over();
	bed.sh.records_max = 40;
	for (unsigned i = 0; i < 39; i++) {
		assert_int_equal(wire_wear(bed.wire), i < 20   ? WIRE_FRESH
						      : i < 39 ? WIRE_WORN
							       : WIRE_SPENT);
		assert_int_equal(put(10, WIRE_NOW), 0);
	}
	assert_int_equal(wire_wear(bed.wire), WIRE_SPENT);
	assert_int_equal(put(10, WIRE_NOW), -EPIPE);
	assert_int_equal(put(10, WIRE_LATER), -EPIPE);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_takes_the_rest();
	assert_int_equal(n_sizes, 39);
	assert_int_equal(bed.rx.keys.seq, 40);
}

static void wire_write__limit_behind_a_queue__counts_what_is_queued(void **state)
{
	unsigned written_records = 0;

	(void)state;
	opts.rekey_tx = false;
	hand_over();
	bed.sh.records_max = 200;
	while (put(WIRE_WRITE_MAX, WIRE_NOW) == 0)
		written_records += 16;
	assert_true(wire_queued(bed.wire) > 0);
	assert_in_range(written_records, 176, 199);
	assert_int_equal(wire_wear(bed.wire), WIRE_SPENT);
	assert_int_equal(wire_shutdown(bed.wire), -EAGAIN);
	far_takes_the_rest();
	assert_in_range(bed.rx.keys.seq, 177, 200);
}

static void wire_write__limit_where_keys_can_be_replaced__goes_on_with_the_next(void **state)
{
	uint64_t most = 0;

	(void)state;
	if (!ktls_rekeys()) {
		print_message("skipped: no new keys here\n");
		skip();
	}
	hand_over();
	bed.sh.records_max = 40;
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(put(100000, i % 5 ? WIRE_NOW : WIRE_LATER), 0);
		assert_int_equal(wire_wear(bed.wire), WIRE_FRESH);
		if (i % 10 != 9)
			continue;
		while (taken < written) {
			far_take();
			most = bed.rx.keys.seq > most ? bed.rx.keys.seq : most;
		}
	}
	assert_in_range(most, 32, 40);
	assert_in_range(n_updates, 7, 9);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_takes_the_rest();
}

/* One KeyUpdate waits in the queue: what is behind it counts for the next key. */
static void wire_write__key_updates_in_a_queue__are_as_few_as_can_be(void **state)
{
	uint64_t most = 0;

	(void)state;
	if (!ktls_rekeys()) {
		print_message("skipped: no new keys here\n");
		skip();
	}
	hand_over();
	bed.sh.records_max = 100;
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(put(WIRE_WRITE_MAX, WIRE_NOW), 0);
	while (taken < written) {
		far_take();
		most = bed.rx.keys.seq > most ? bed.rx.keys.seq : most;
	}
	assert_in_range(most, 80, 100);
	assert_in_range(n_updates, 4, 6);
	assert_int_equal(wire_unacked(bed.wire), 0);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_takes_the_rest();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_EACH(wire_read__key_update__is_followed_or_told_behind_the_data, set_up),
		KERNEL_EACH(wire_read__key_update_asked_for__is_answered_or_the_end_is_near,
			    set_up),
		KERNEL_EACH(wire_read__many_key_updates__are_all_followed, set_up),
		KERNEL_TEST_UP(wire_read__key_update_behind_a_ticket__is_followed_or_told, set_up,
			       1),
		KERNEL_TEST(wire_write__limit__is_worn_then_spent_then_refused),
		KERNEL_TINY(wire_write__limit_behind_a_queue__counts_what_is_queued),
		KERNEL_TEST(wire_write__limit_where_keys_can_be_replaced__goes_on_with_the_next),
		KERNEL_TINY(wire_write__key_updates_in_a_queue__are_as_few_as_can_be),
	};

	return run_kernel(tests, COUNT(tests));
}
