// SPDX-License-Identifier: GPL-2.0-or-later
// Splicing between a wire and a pipe: every byte, in order, whatever comes in between.
#include "wire/wire.h"

#include <signal.h>

#include "kernel_bed.h"

#define HDR	   7
#define PAYLOAD	   65529
#define PIPE_SLOTS 64
#define PIPE_MAX   (PIPE_SLOTS * 4096)

static int pipes[2];
static uint8_t big[PIPE_MAX];

static int set_up_pipe(void **state)
{
	assert_int_equal(pipe2(pipes, O_NONBLOCK | O_CLOEXEC), 0);
	assert_true(fcntl(pipes[1], F_SETPIPE_SZ, PIPE_MAX) >= PIPE_MAX);
	return set_up(state);
}

static int set_up_tiny_pipe(void **state)
{
	set_up_pipe(state);
	tear_down(state);
	return set_up_tiny(state);
}

static int tear_down_pipe(void **state)
{
	close(pipes[0]);
	close(pipes[1]);
	return tear_down(state);
}

/* Puts the next n bytes of the pattern into the pipe, in pieces of at most `piece`. */
static void fill_pipe(size_t n, size_t piece)
{
	for (size_t i = 0; i < n; i++)
		big[i] = bed_byte(written + HDR + i, 0);
	for (size_t at = 0; at < n;) {
		size_t take = n - at < piece ? n - at : piece;

		assert_int_equal(write(pipes[1], big + at, take), take);
		at += take;
	}
}

/* A header and n bytes of the pipe. */
static int splice_out(size_t n)
{
	uint8_t hdr[HDR];
	int err;

	for (size_t i = 0; i < HDR; i++)
		hdr[i] = bed_byte(written + i, 0);
	err = wire_splice_out(bed.wire, hdr, sizeof(hdr), pipes[0], n);
	written += err ? 0 : HDR + n;
	return err;
}

static void check_pipe_is_empty(void)
{
	uint8_t byte;

	assert_int_equal(read(pipes[0], &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static void wire_splice_out__any_size__is_byte_exact(void **state)
{
	static const size_t lens[] = { 0, 1, 100, 4096, 16377, 16378, 50000, PAYLOAD, 65535 };

	(void)state;
	hand_over();
	assert_true(wire_splices_out(bed.wire));
	for (size_t i = 0; i < COUNT(lens); i++) {
		fill_pipe(lens[i], lens[i]);
		assert_int_equal(splice_out(lens[i]), 0);
		check_pipe_is_empty();
		assert_int_equal(wire_queued(bed.wire), 0);
		far_take_until(written);
		assert_int_equal(put(50, WIRE_NOW), 0);
		far_take_until(written);
		assert_int_equal(sizes[n_sizes - 1], 50);
	}
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_takes_the_rest();
}

static void wire_splice_out__full_pieces__makes_full_records(void **state)
{
	(void)state;
	hand_over();
	fill_pipe(PAYLOAD, PAYLOAD);
	assert_int_equal(splice_out(PAYLOAD), 0);
	far_take_until(written);
	for (unsigned i = 0; i < n_sizes; i++)
		assert_true(sizes[i] <= RECORD_DATA_MAX);
	assert_in_range(n_sizes, 4, 6);
}

static void wire_splice_out__small_pieces__are_all_sent(void **state)
{
	(void)state;
	hand_over();
	for (int i = 0; i < 50; i++) {
		size_t n = 30 * (size_t)(i % 16 + 1);

		fill_pipe(n, 30);
		assert_int_equal(splice_out(n), 0);
		check_pipe_is_empty();
	}
	far_take_until(written);
}

/* What the socket does not take is queued, in order, and the pipe is empty for the next one. */
static void wire_splice_out__peer_takes_nothing__queues_the_rest(void **state)
{
	uint64_t queued_from;
	unsigned small = 0;

	(void)state;
	hand_over();
	while (wire_queued(bed.wire) == 0) {
		fill_pipe(PAYLOAD, PAYLOAD);
		assert_int_equal(splice_out(PAYLOAD), 0);
		check_pipe_is_empty();
	}
	assert_false(wire_splices_out(bed.wire));
	queued_from = written;
	assert_int_equal(put(100000, WIRE_LATER), 0);
	fill_pipe(PAYLOAD, PAYLOAD);
	assert_int_equal(splice_out(PAYLOAD), 0);
	check_pipe_is_empty();
	assert_int_equal(put(10, WIRE_NOW), 0);
	assert_int_equal(wire_shutdown(bed.wire), -EAGAIN);
	assert_false(wire_splices_out(bed.wire));
	far_takes_the_rest();
	assert_int_equal(taken, queued_from + 100000 + HDR + PAYLOAD + 10);
	for (unsigned i = 0; i < n_sizes; i++)
		small += sizes[i] < 4096;
	assert_true(small < n_sizes / 4 + 4);
}

/* Fewer bytes than were promised: the header is gone, so nothing may follow. */
static void wire_splice_out__pipe_is_short__ends_the_wire(void **state)
{
	(void)state;
	hand_over();
	fill_pipe(1000, 1000);
	assert_true(splice_out(2000) < 0);
	assert_int_equal(put(10, WIRE_NOW), -EPIPE);
	assert_int_equal(splice_out(10), -EPIPE);
}

static void wire_splice_out__connection_is_reset__is_refused(void **state)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	(void)state;
	hand_over();
	setsockopt(bed.far, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(bed.far);
	bed.far = -1;
	near_ends(&bed, WIRE_RESET);
	fill_pipe(100, 100);
	assert_true(splice_out(100) < 0);
}

static void wire_splice_out__reset_that_nobody_read__fails_soon(void **state)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	int err = 0;

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as wire.h says */
	hand_over();
	setsockopt(bed.far, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(bed.far);
	bed.far = -1;
	await_reset();
	for (int i = 0; i < 5 && !err; i++) {
		fill_pipe(100, 100);
		err = splice_out(100);
	}
	assert_true(err < 0);
	assert_int_equal(put(10, WIRE_NOW), -EPIPE);
}

static void wire_splice_out__limit_of_the_key__is_kept(void **state)
{
	int err = 0;

	(void)state;
	opts.rekey_tx = false;
	hand_over();
	bed.sh.records_max = 400;
	while (!err) {
		fill_pipe(PAYLOAD, PAYLOAD);
		err = splice_out(PAYLOAD);
		if (!err)
			far_take_until(written);
	}
	assert_int_equal(err, -EPIPE);
	assert_int_equal(wire_wear(bed.wire), WIRE_SPENT);
	assert_in_range(bed.rx.keys.seq, 200, 400);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_takes_the_rest();
}

static void far_put_pattern(uint64_t at, size_t total, size_t n)
{
	uint8_t text[RECORD_DATA_MAX];

	for (size_t done = 0; done < total; done += n) {
		for (size_t i = 0; i < n; i++)
			text[i] = bed_byte(at + done + i, 1);
		far_put(&bed, RECORD_DATA, text, n, 0);
	}
}

/* The bytes of one splice, which must be the pattern's next; or what wire_splice_in() says. */
static ssize_t splice_in(uint64_t *at, size_t max)
{
	struct pollfd ready = { .fd = wire_fd(bed.wire), .events = POLLIN };
	ssize_t n = wire_splice_in(bed.wire, pipes[1], PIPE_SLOTS, max);

	for (int i = 0; i < 1000 && n == -EAGAIN; i++) {
		poll(&ready, 1, 10);
		n = wire_splice_in(bed.wire, pipes[1], PIPE_SLOTS, max);
	}
	if (n <= 0)
		return n;
	assert_true((size_t)n <= max);
	assert_int_equal(read(pipes[0], big, sizeof(big)), n);
	for (ssize_t i = 0; i < n; i++, (*at)++)
		if (big[i] != bed_byte(*at, 1))
			fail_msg("byte %llu differs", (unsigned long long)*at);
	return n;
}

static void wire_splice_in__any_records__are_byte_exact(void **state)
{
	static const size_t lens[] = { 16384, 16000, 8190, 1200, 100, 1 };
	uint64_t at = 0, end = 0;

	(void)state;
	hand_over();
	assert_true(wire_splices_in(bed.wire));
	for (size_t i = 0; i < COUNT(lens); i++) {
		size_t total = lens[i] * (lens[i] > 1000 ? 12 : 100);

		far_put_pattern(end, total, lens[i]);
		far_send(&bed);
		end += total;
		while (at < end)
			assert_true(splice_in(&at, i % 2 ? 100000 : 5000) > 0);
	}
	assert_int_equal(at, end);
	assert_int_equal(wire_splice_in(bed.wire, pipes[1], PIPE_SLOTS, 100), -EAGAIN);
	assert_true(wire_more(bed.wire));
}

static void wire_splice_in__mixed_with_reading__loses_nothing(void **state)
{
	uint64_t at = 0;

	(void)state;
	hand_over();
	far_put_pattern(0, 160000, 16000);
	far_send(&bed);
	assert_int_equal(splice_in(&at, 5000), 5000);
	for (ssize_t n, i = 0; at < 160000; i++) {
		if (i % 2) {
			assert_true(splice_in(&at, 20000) > 0);
			continue;
		}
		n = near_get(&bed);
		assert_true(n > 0);
		for (ssize_t j = 0; j < n; j++, at++)
			assert_int_equal(bed.in[j], bed_byte(at, 1));
	}
	assert_int_equal(at, 160000);
}

static void wire_splice_in__no_data_in_between__is_for_reading(void **state)
{
	static const uint8_t ticket[] = { 4, 0, 0, 2, 9, 9 };
	static const uint8_t farewell[] = { 1, ALERT_CLOSE_NOTIFY };
	uint64_t at = 0;

	(void)state;
	hand_over();
	far_put_pattern(0, 2000, 1000);
	far_put(&bed, RECORD_HANDSHAKE, ticket, sizeof(ticket), 0);
	far_put_pattern(2000, 1000, 1000);
	far_put(&bed, RECORD_DATA, NULL, 0, 0); /* nothing is no end */
	far_put_pattern(3000, 1000, 1000);
	far_put(&bed, RECORD_ALERT, farewell, sizeof(farewell), 0);
	far_send(&bed);
	shutdown(bed.far, SHUT_WR);
	for (int i = 0; i < 20 && wire_end(bed.wire) == WIRE_OPEN; i++) {
		ssize_t n = splice_in(&at, 100000);

		assert_true(n > 0 || n == -EBUSY);
		if (n > 0)
			continue;
		n = wire_read(bed.wire, bed.in);
		assert_true(n > 0 || n == -EAGAIN || wire_end(bed.wire) == WIRE_CLOSED);
		for (ssize_t j = 0; j < n; j++, at++)
			assert_int_equal(bed.in[j], bed_byte(at, 1));
	}
	assert_int_equal(at, 4000);
	assert_int_equal(wire_end(bed.wire), WIRE_CLOSED);
	assert_int_equal(wire_splice_in(bed.wire, pipes[1], PIPE_SLOTS, 100), 0);
}

static void wire_splice_in__many_tickets_between__are_no_barren_reading(void **state)
{
	uint8_t ticket[1004] = { 4, 0, 3, 0xe8 };
	uint64_t at = 0;

	(void)state;
	hand_over();
	for (int i = 0; i < 100; i++) {
		far_put(&bed, RECORD_HANDSHAKE, ticket, sizeof(ticket), 0);
		far_send(&bed);
		assert_int_equal(splice_in(&at, 1000), -EBUSY);
		assert_int_equal(wire_read(bed.wire, bed.in), -EAGAIN);
		far_put_pattern(at, 100, 100);
		far_send(&bed);
		assert_int_equal(splice_in(&at, 1000), 100);
	}
}

/* What ends it comes behind the data, and is told by reading. */
static void check_end(enum wire_end want)
{
	uint64_t at = 0;
	ssize_t n;

	while ((n = splice_in(&at, 100000)) > 0)
		;
	assert_int_equal(at, 2000);
	if (n == -EBUSY)
		n = near_get(&bed);
	assert_int_equal(n, 0);
	assert_int_equal(wire_end(bed.wire), want);
}

static void wire_splice_in__fin__is_truncation(void **state)
{
	(void)state;
	hand_over();
	far_put_pattern(0, 2000, 1000);
	far_send(&bed);
	shutdown(bed.far, SHUT_WR);
	poll(NULL, 0, 10);
	check_end(WIRE_TRUNCATED);
}

static void wire_splice_in__forged_record__is_reset(void **state)
{
	uint8_t bad[45] = { 23, 3, 3, 0, 40 };

	(void)state;
	hand_over();
	far_put_pattern(0, 2000, 1000);
	far_put_raw(&bed, bad, sizeof(bad));
	far_send(&bed);
	poll(NULL, 0, 10);
	check_end(WIRE_RESET);
	far_wants_alert(&bed, 2, ALERT_BAD_RECORD_MAC);
}

static void wire_splice_in__reset__is_reset(void **state)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	uint64_t at = 0;

	(void)state;
	hand_over();
	far_put_pattern(0, 2000, 1000);
	far_send(&bed);
	assert_int_equal(splice_in(&at, 1000), 1000);
	assert_int_equal(splice_in(&at, 1000), 1000);
	setsockopt(bed.far, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(bed.far);
	bed.far = -1;
	poll(NULL, 0, 10);
	assert_int_equal(splice_in(&at, 1000), 0);
	assert_int_equal(wire_end(bed.wire), WIRE_RESET);
}

static void wire_splices__records_in_userspace__do_not(void **state)
{
	(void)state;
	assert_false(wire_splices_in(bed.wire));
	assert_false(wire_splices_out(bed.wire));
}

#define SPLICE_UP(f, up, i)                                                                        \
	{                                                                                          \
#f, f, up, tear_down_pipe, (void *)&kernel_kinds[i]                                \
	}
#define SPLICE(f) SPLICE_UP(f, set_up_pipe, 0)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPLICE(wire_splice_out__any_size__is_byte_exact),
		SPLICE_UP(wire_splice_out__any_size__is_byte_exact, set_up_pipe, 1),
		SPLICE_UP(wire_splice_out__any_size__is_byte_exact, set_up_pipe, 2),
		SPLICE(wire_splice_out__full_pieces__makes_full_records),
		SPLICE(wire_splice_out__small_pieces__are_all_sent),
		SPLICE_UP(wire_splice_out__peer_takes_nothing__queues_the_rest, set_up_tiny_pipe,
			  0),
		SPLICE(wire_splice_out__peer_takes_nothing__queues_the_rest),
		SPLICE(wire_splice_out__pipe_is_short__ends_the_wire),
		SPLICE(wire_splice_out__connection_is_reset__is_refused),
		SPLICE(wire_splice_out__reset_that_nobody_read__fails_soon),
		SPLICE(wire_splice_out__limit_of_the_key__is_kept),
		SPLICE(wire_splice_in__any_records__are_byte_exact),
		SPLICE_UP(wire_splice_in__any_records__are_byte_exact, set_up_pipe, 1),
		SPLICE(wire_splice_in__mixed_with_reading__loses_nothing),
		SPLICE_UP(wire_splice_in__no_data_in_between__is_for_reading, set_up_pipe, 1),
		SPLICE_UP(wire_splice_in__many_tickets_between__are_no_barren_reading, set_up_pipe,
			  1),
		SPLICE(wire_splice_in__fin__is_truncation),
		SPLICE(wire_splice_in__forged_record__is_reset),
		SPLICE(wire_splice_in__reset__is_reset),
		SPLICE(wire_splices__records_in_userspace__do_not),
	};

	return run_kernel(tests, COUNT(tests));
}
