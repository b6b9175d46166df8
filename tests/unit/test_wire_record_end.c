// SPDX-License-Identifier: GPL-2.0-or-later
// How a wire of our own records ends: four kinds told apart, data before them always delivered,
// data behind them never.
#include "wire/wire.h"

#include "record_bed.h"

static struct record_bed bed;

static int set_up(void **state)
{
	record_bed_init(&bed, *state, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	record_bed_done(&bed);
	return 0;
}

static void far_reset(void)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(bed.far, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(bed.far);
	bed.far = -1;
}

/* Our direction is open: the far end gets what is written and a farewell. */
static void check_still_writes(void)
{
	assert_int_equal(near_put(&bed, "farewell"), 0);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_wants_data(&bed, "farewell");
	far_wants_alert(&bed, 1, ALERT_CLOSE_NOTIFY);
	far_wants_fin(&bed);
}

static void wire_end__close_notify__is_closed_and_we_may_go_on(void **state)
{
	(void)state;
	far_put_data(&bed, "before");
	far_put(&bed, RECORD_ALERT, "\1\0", 2, 30);
	far_put_data(&bed, "behind");
	far_put_raw(&bed, "rubbish", 7);
	far_send(&bed);
	near_wants(&bed, "before");
	near_ends(&bed, WIRE_CLOSED);
	check_still_writes();
}

static void wire_end__user_canceled__is_passed_over(void **state)
{
	(void)state;
	far_put_data(&bed, "before");
	far_put(&bed, RECORD_ALERT, "\1\132", 2, 0);
	far_put_data(&bed, "behind");
	far_put(&bed, RECORD_ALERT, "\2\132", 2, 0);
	far_send(&bed);
	near_wants(&bed, "beforebehind");
	assert_int_equal(wire_end(bed.wire), WIRE_OPEN);
	far_put(&bed, RECORD_ALERT, "\1\0", 2, 0);
	far_send(&bed);
	near_ends(&bed, WIRE_CLOSED);
	check_still_writes();
}

static void wire_end__fin__is_truncated_wherever_it_comes(void **state)
{
	/* nothing, parts of a header, a header, parts of a body, all but a byte */
	static const size_t parts[] = { 0, 1, 4, 5, 6, 20, 27, 28 };

	for (size_t i = 0; i < COUNT(parts); i++) {
		tear_down(state);
		set_up(state);
		far_put_data(&bed, "before");
		far_send(&bed);
		far_put_data(&bed, "behind!");
		bed.n_out = parts[i];
		far_send(&bed);
		shutdown(bed.far, SHUT_WR);
		near_wants(&bed, "before");
		near_ends(&bed, WIRE_TRUNCATED);
		check_still_writes();
	}
}

static void wire_end__rst__is_reset(void **state)
{
	(void)state;
	far_put_data(&bed, "before");
	far_send(&bed);
	near_wants(&bed, "before");
	far_reset();
	near_ends(&bed, WIRE_RESET);
	assert_true(near_put(&bed, "x") < 0);
}

/* The peer's fatal alert is not answered, whatever its level claims. */
static void wire_end__fatal_alert__is_reset_without_an_answer(void **state)
{
	static const uint8_t alerts[][2] = {
		{ 2, 20 }, { 2, 80 }, { 1, 20 }, { 2, 255 }, { 0, 10 }
	};

	for (size_t i = 0; i < COUNT(alerts); i++) {
		tear_down(state);
		set_up(state);
		far_put_data(&bed, "before");
		far_put(&bed, RECORD_ALERT, alerts[i], 2, i);
		far_put_data(&bed, "behind");
		far_send(&bed);
		near_wants(&bed, "before");
		near_ends(&bed, WIRE_RESET);
		assert_int_equal(wire_shutdown(bed.wire), 0);
		far_wants_fin(&bed);
	}
}

/* A bad record ends it: what comes before is delivered, nothing of it and nothing behind it. */
static void check_bad(uint8_t alert)
{
	far_put_data(&bed, "behind");
	far_send(&bed);
	near_wants(&bed, "before");
	near_ends(&bed, WIRE_RESET);
	assert_int_equal(near_put(&bed, "x"), -EPIPE);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_wants_alert(&bed, 2, alert);
	far_wants_fin(&bed);
}

static void wire_end__bad_record__is_reset_with_an_alert(void **state)
{
	static const struct {
		size_t at; /* byte of the record that is flipped */
		uint8_t flip, alert;
	} cases[] = {
		{ 0, 1, ALERT_UNEXPECTED_MESSAGE }, { 1, 1, ALERT_PROTOCOL_VERSION },
		{ 2, 2, ALERT_DECODE_ERROR },	    { 3, 0x80, ALERT_RECORD_OVERFLOW },
		{ 4, 1, ALERT_BAD_RECORD_MAC },	    { 5, 1, ALERT_BAD_RECORD_MAC },
		{ 10, 1, ALERT_BAD_RECORD_MAC },    { 20, 0x80, ALERT_BAD_RECORD_MAC },
		{ 27, 1, ALERT_BAD_RECORD_MAC },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t from;

		tear_down(state);
		set_up(state);
		far_put_data(&bed, "before");
		from = bed.n_out;
		far_put_data(&bed, "secret");
		bed.out[from + cases[i].at] ^= cases[i].flip;
		check_bad(cases[i].alert);
	}
}

static void wire_end__record_again_or_left_out__is_reset_with_an_alert(void **state)
{
	for (int left_out = 0; left_out < 2; left_out++) {
		tear_down(state);
		set_up(state);
		far_put_data(&bed, "before");
		bed.tx.keys.seq += left_out ? 1 : (uint64_t)-1;
		far_put_data(&bed, "again?");
		check_bad(ALERT_BAD_RECORD_MAC);
	}
}

/* Where our farewell is still in the queue, no alert goes behind it. */
static void wire_end__bad_record_after_our_shutdown__has_no_alert(void **state)
{
	static uint8_t text[FORGE_MAX];
	static const uint8_t zeros[WIRE_WRITE_MAX];
	struct iovec iov = { (void *)zeros, sizeof(zeros) };
	size_t n;

	tear_down(state);
	record_bed_init(&bed, *state, 4096);
	for (int i = 0; i < 4; i++)
		assert_int_equal(wire_write(bed.wire, &iov, 1, WIRE_NOW), 0);
	assert_int_equal(wire_shutdown(bed.wire), -EAGAIN);
	far_put_raw(&bed, "GET / HTTP/1.1", 14);
	far_send(&bed);
	near_ends(&bed, WIRE_RESET);
	for (int i = 0; i < 4 * WIRE_WRITE_MAX / RECORD_DATA_MAX; i++)
		assert_int_equal(far_get(&bed, text, &n), RECORD_DATA);
	far_wants_alert(&bed, 1, ALERT_CLOSE_NOTIFY);
	far_wants_fin(&bed);
}

/* A header that no body can mend is refused before the body comes. */
static void wire_end__bad_header_alone__is_reset_at_once(void **state)
{
	static const uint8_t hdr[] = { 23, 3, 3, 0x41, 1 };

	(void)state;
	far_put_data(&bed, "before");
	far_put_raw(&bed, hdr, sizeof(hdr));
	far_send(&bed);
	near_wants(&bed, "before");
	near_ends(&bed, WIRE_RESET);
	far_wants_alert(&bed, 2, ALERT_RECORD_OVERFLOW);
}

/* The same endings byte by byte. */
static void wire_end__single_bytes__are_the_same(void **state)
{
	static const char both[] = "beforebehind";
	size_t n, got = 0;

	(void)state;
	far_put_data(&bed, "before");
	far_key_update(&bed, true);
	far_put(&bed, RECORD_DATA, "", 0, 77);
	far_put_data(&bed, "behind");
	far_put(&bed, RECORD_ALERT, "\1\0", 2, 0);
	n = bed.n_out;
	for (size_t i = 0; i < n; i++) {
		ssize_t r;

		assert_int_equal(send(bed.far, bed.out + i, 1, 0), 1);
		while ((r = wire_read(bed.wire, bed.in)) > 0) {
			assert_memory_equal(bed.in, both + got, r);
			got += (size_t)r;
		}
		assert_true(got <= (i < 27 ? 0 : i < n - 25 ? 6 : 12));
	}
	bed.n_out = 0;
	near_wants(&bed, both + got);
	near_ends(&bed, WIRE_CLOSED);
}

static const struct record_kind kinds[] = {
	{ "TLS_AES_128_GCM_SHA256", true, false },
	{ "TLS_AES_256_GCM_SHA384", true, true },
	{ "TLS_CHACHA20_POLY1305_SHA256", true, false },
};

#define KIND(f, i)                                                                                 \
	{                                                                                          \
#f, f, set_up, tear_down, (void *)&kinds[i]                                        \
	}
#define EACH(f) KIND(f, 0), KIND(f, 1), KIND(f, 2)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(wire_end__close_notify__is_closed_and_we_may_go_on),
		EACH(wire_end__user_canceled__is_passed_over),
		EACH(wire_end__fin__is_truncated_wherever_it_comes),
		EACH(wire_end__rst__is_reset),
		EACH(wire_end__fatal_alert__is_reset_without_an_answer),
		EACH(wire_end__bad_record__is_reset_with_an_alert),
		EACH(wire_end__record_again_or_left_out__is_reset_with_an_alert),
		EACH(wire_end__bad_record_after_our_shutdown__has_no_alert),
		EACH(wire_end__bad_header_alone__is_reset_at_once),
		EACH(wire_end__single_bytes__are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
