// SPDX-License-Identifier: GPL-2.0-or-later
// Key updates of either end on a wire of our own records: when they come, how many, and what they
// may not break.
#include "wire/wire.h"

#include "record_bed.h"

static struct record_bed bed;
static uint8_t got[FORGE_TEXT];

static int set_up_room(void **state, int room)
{
	record_bed_init(&bed, *state, room);
	return 0;
}

static int set_up(void **state)
{
	return set_up_room(state, 0);
}

static int set_up_tiny(void **state)
{
	return set_up_room(state, 4096);
}

static int tear_down(void **state)
{
	(void)state;
	record_bed_done(&bed);
	return 0;
}

static const struct record_kind *kind_of(void **state)
{
	return *state;
}

/* The far end's next record; its length must be this. */
static void far_wants(int type, size_t want)
{
	size_t n;

	assert_int_equal(far_get(&bed, got, &n), type);
	assert_int_equal(n, want);
}

static void far_wants_key_update(void)
{
	far_wants(RECORD_HANDSHAKE, 5);
	assert_memory_equal(got, ((const uint8_t[]){ 24, 0, 0, 1, 0 }), 5);
}

/* No key seals more records than the limit, the KeyUpdate itself among them. */
static void check_limit(uint64_t limit)
{
	static uint8_t text[WIRE_WRITE_MAX];
	struct iovec iov = { text, sizeof(text) };

	bed.sh.records_max = limit;
	for (unsigned round = 0, data = 0; round < 3; round++) {
		assert_int_equal(wire_write(bed.wire, &iov, 1, WIRE_LATER), 0);
		for (unsigned i = 0; i < WIRE_WRITE_MAX / RECORD_DATA_MAX; i++, data++) {
			if (limit == 1 || (data > 0 && data % (limit - 1) == 0))
				far_wants_key_update();
			far_wants(RECORD_DATA, RECORD_DATA_MAX);
		}
	}
}

static void wire_write__limit_inside_a_write__updates_before_it(void **state)
{
	static const uint64_t limits[] = { 1, 2, 3, 10, 16, 17, 18, 100 };

	for (size_t i = 0; i < COUNT(limits); i++) {
		tear_down(state);
		set_up(state);
		check_limit(limits[i]);
	}
}

/* The answer waits for our next data (RFC 8446, 4.6.3), or for the peer's next message, as
 * OpenSSL's. */
static void wire_read__key_update_asked_for__is_answered_before_the_next_data(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < 3; round++) {
		uint64_t before = wire_sent(bed.wire);

		far_key_update(&bed, true);
		far_put_data(&bed, "first");
		far_put_data(&bed, "second");
		far_send(&bed);
		near_wants(&bed, "firstsecond");
		assert_int_equal(wire_sent(bed.wire), before);
		assert_int_equal(near_put(&bed, "this"), 0);
		assert_int_equal(near_put(&bed, "that"), 0);
		far_wants_key_update();
		far_wants_data(&bed, "this");
		far_wants_data(&bed, "that");
	}
}

static void wire_read__key_updates_asked_for__are_answered_one_by_one(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		far_key_update(&bed, true);
	far_put_data(&bed, "here");
	far_send(&bed);
	near_wants(&bed, "here");
	for (int i = 0; i < 9; i++)
		far_wants_key_update();
	assert_int_equal(near_put(&bed, "there"), 0);
	far_wants_key_update();
	far_wants_data(&bed, "there");
}

/* A peer that asks and does not read must not make the queue grow. */
static void wire_read__key_updates_while_the_socket_is_full__are_answered_once(void **state)
{
	static uint8_t text[WIRE_WRITE_MAX];
	struct iovec iov = { text, sizeof(text) };
	size_t queued;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(wire_write(bed.wire, &iov, 1, WIRE_NOW), 0);
	queued = wire_queued(bed.wire);
	assert_true(queued > 0);
	for (int i = 0; i < 30; i++)
		far_key_update(&bed, true);
	far_put_data(&bed, "go on");
	far_send(&bed);
	near_wants(&bed, "go on");
	assert_int_equal(wire_queued(bed.wire), queued);
	assert_int_equal(near_put(&bed, "going on"), 0);
	for (int i = 0; i < 4 * WIRE_WRITE_MAX / RECORD_DATA_MAX; i++)
		far_wants(RECORD_DATA, RECORD_DATA_MAX);
	far_wants_key_update();
	far_wants_data(&bed, "going on");
}

static void wire_read__key_update_not_asked_for__has_no_answer(void **state)
{
	(void)state;
	far_key_update(&bed, false);
	far_put_data(&bed, "hello");
	far_send(&bed);
	near_wants(&bed, "hello");
	assert_int_equal(near_put(&bed, "world"), 0);
	far_wants_data(&bed, "world");
}

/* What cannot be answered any more does not end what the peer has still to say. */
static void wire_read__key_update_after_our_shutdown__reads_on(void **state)
{
	(void)state;
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_wants_alert(&bed, 1, ALERT_CLOSE_NOTIFY);
	far_wants_fin(&bed);
	for (int i = 0; i < 3; i++) {
		far_key_update(&bed, true);
		far_put_data(&bed, "still here");
		far_send(&bed);
		near_wants(&bed, "still here");
		assert_int_equal(wire_end(bed.wire), WIRE_OPEN);
	}
	far_put(&bed, RECORD_ALERT, "\1\0", 2, 0);
	far_send(&bed);
	near_ends(&bed, WIRE_CLOSED);
}

static void wire_read__many_key_updates_with_data__are_followed(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		far_key_update(&bed, i % 2);
		far_put_data(&bed, "x");
		if (i % 60 == 59)
			far_send(&bed);
		if (i % 60 == 59)
			near_wants(&bed,
				   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	}
	assert_int_equal(bed.tx.keys.seq, 1);
}

/* One read, once there is something. */
static void near_reads_no_data(void)
{
	struct pollfd ready = { .fd = wire_fd(bed.wire), .events = POLLIN };

	assert_int_equal(poll(&ready, 1, 5000), 1);
	assert_true(wire_read(bed.wire, bed.in) <= 0);
}

static void wire_read__storm_of_key_updates_in_one_read__is_reset(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++)
		far_key_update(&bed, true);
	far_put_data(&bed, "too late");
	far_send(&bed);
	near_ends(&bed, WIRE_RESET);
	for (int i = 0; i < 64; i++)
		far_wants_key_update();
	far_wants_alert(&bed, 2, ALERT_INTERNAL_ERROR);
	assert_int_equal(near_put(&bed, "x"), -EPIPE);
}

static void wire_read__key_updates_without_end__are_reset(void **state)
{
	int rounds = 0;

	(void)state;
	for (; wire_end(bed.wire) == WIRE_OPEN && rounds < 1000; rounds++) {
		for (int i = 0; i < 50; i++)
			far_key_update(&bed, true);
		far_send(&bed);
		near_reads_no_data();
	}
	assert_int_equal(wire_end(bed.wire), WIRE_RESET);
	assert_int_equal(rounds, 65536 / (50 * 27) + 1);
	assert_true(wire_queued(bed.wire) <= 5 + RECORD_OVERHEAD);
}

/* Tickets without end, where tickets may come. */
static void wire_read__tickets_without_end__are_reset(void **state)
{
	static const uint8_t hdr[] = { 4, 0, 0x40, 0 }, text[FORGE_TEXT];
	int rounds = 0;

	(void)state;
	for (; wire_end(bed.wire) == WIRE_OPEN && rounds < 1000; rounds++) {
		far_put(&bed, RECORD_HANDSHAKE, hdr, sizeof(hdr), 0);
		far_put(&bed, RECORD_HANDSHAKE, text, RECORD_DATA_MAX, 0);
		far_send(&bed);
		near_reads_no_data();
	}
	assert_int_equal(wire_end(bed.wire), WIRE_RESET);
	assert_int_equal(rounds, kind_of(state)->client ? 4 : 1);
}

/* Whether a login is one is decided by the first record (protocol notes 1.3). */
static void wire_read__first_of_a_server__is_one_record_whatever_comes_before(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		far_put(&bed, RECORD_DATA, "", 0, 100);
		far_key_update(&bed, false);
	}
	far_put(&bed, RECORD_DATA, "one", 3, 2000);
	far_put_data(&bed, "two");
	far_put_data(&bed, "three");
	far_send(&bed);
	assert_int_equal(near_get(&bed), kind_of(state)->client ? 11 : 3);
	assert_memory_equal(bed.in, "one", 3);
	if (kind_of(state)->client)
		return;
	assert_int_equal(near_get(&bed), 8);
	assert_memory_equal(bed.in, "twothree", 8);
}

static const struct record_kind server = { "TLS_AES_128_GCM_SHA256", true, false };
static const struct record_kind client = { "TLS_CHACHA20_POLY1305_SHA256", true, true };

#define KIND(f, up, kind)                                                                          \
	{                                                                                          \
#f, f, up, tear_down, (void *)&kind                                                \
	}
#define BOTH(f, up) KIND(f, up, server), KIND(f, up, client)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(wire_write__limit_inside_a_write__updates_before_it, set_up),
		BOTH(wire_read__key_update_asked_for__is_answered_before_the_next_data, set_up),
		BOTH(wire_read__key_updates_asked_for__are_answered_one_by_one, set_up),
		BOTH(wire_read__key_updates_while_the_socket_is_full__are_answered_once,
		     set_up_tiny),
		BOTH(wire_read__key_update_not_asked_for__has_no_answer, set_up),
		BOTH(wire_read__key_update_after_our_shutdown__reads_on, set_up),
		BOTH(wire_read__many_key_updates_with_data__are_followed, set_up),
		BOTH(wire_read__storm_of_key_updates_in_one_read__is_reset, set_up),
		BOTH(wire_read__key_updates_without_end__are_reset, set_up_tiny),
		BOTH(wire_read__tickets_without_end__are_reset, set_up),
		BOTH(wire_read__first_of_a_server__is_one_record_whatever_comes_before, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
