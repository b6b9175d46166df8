// SPDX-License-Identifier: GPL-2.0-or-later
// When each direction is handed over to the kernel, and that nothing is lost or doubled by it.
#include "wire/wire.h"

#include <sys/epoll.h>

#include "kernel_bed.h"

/* The far end's data: the pattern of side 1 from `at` on, in records of n bytes; not sent yet. */
static void far_put_pattern(uint64_t at, size_t total, size_t n)
{
	uint8_t text[RECORD_DATA_MAX];

	for (size_t done = 0; done < total; done += n) {
		for (size_t i = 0; i < n; i++)
			text[i] = bed_byte(at + done + i, 1);
		far_put(&bed, RECORD_DATA, text, n, 0);
	}
}

static void near_until(uint64_t at, uint64_t n)
{
	for (uint64_t end = at + n; at < end;) {
		ssize_t n_in = near_get(&bed);

		assert_true(n_in > 0);
		for (ssize_t i = 0; i < n_in; i++, at++)
			if (bed.in[i] != bed_byte(at, 1))
				fail_msg("byte %llu differs", (unsigned long long)at);
		assert_true(at <= end);
	}
}

static void wire_to_kernel__each_kind__moves_a_mebibyte_each_way(void **state)
{
	uint64_t at = 0;

	(void)state;
	hand_over();
	assert_non_null(strstr(wire_describe(bed.wire), "kernel"));
	for (int i = 0; i < 8; i++, at += 128000) {
		unsigned before = n_sizes;

		assert_int_equal(put(WIRE_WRITE_MAX / 2 + (size_t)i, WIRE_NOW), 0);
		far_take_until(written);
		check_sizes(before, WIRE_WRITE_MAX / 2 + (size_t)i);
		far_put_pattern(at, 128000, i % 2 ? 16000 : 1000);
		far_send(&bed);
		near_until(at, 128000);
	}
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_takes_the_rest();
}

static void wire_to_kernel__queue_is_there__sends_behind_it(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(put(WIRE_WRITE_MAX, WIRE_NOW), 0);
	assert_true(wire_queued(bed.wire) > 0);
	ask_kernel();
	check_places(WIRE_RECORDS, WIRE_RECORDS);
	assert_false(wire_splices_out(bed.wire));
	assert_int_equal(put(1000, WIRE_NOW), 0);
	check_places(WIRE_RECORDS, WIRE_RECORDS);
	far_take_until(written);
	assert_int_equal(wire_flush(bed.wire), 0);
	check_places(WIRE_KERNEL, WIRE_RECORDS);
	assert_int_equal(put(100000, WIRE_NOW), 0);
	far_take_until(written);
	assert_int_equal(n_sizes, 3 * 16 + 1 + 7);
	assert_int_equal(sizes[48], 1000);
	for (unsigned i = 0; i < n_sizes - 1; i++)
		assert_true(i == 48 || sizes[i] == RECORD_DATA_MAX);
}

static void wire_to_kernel__queue_for_later__is_no_reason_to_wait(void **state)
{
	(void)state;
	assert_int_equal(put(100, WIRE_LATER), 0);
	ask_kernel();
	check_places(WIRE_RECORDS, WIRE_RECORDS);
	assert_int_equal(put(100, WIRE_LATER), 0);
	assert_int_equal(wire_flush(bed.wire), 0);
	check_places(WIRE_KERNEL, WIRE_RECORDS);
	assert_int_equal(put(100, WIRE_NOW), 0);
	far_take_until(300);
	assert_int_equal(n_sizes, 3);
}

/* What was promised to be out once so much is sent must be, however it is queued. */
static void wire_sent__with_wire_queued__grows_by_writes_alone(void **state)
{
	uint64_t sum;

	(void)state;
	hand_over();
	for (int i = 0; i < 6; i++) {
		assert_int_equal(put(100000, i % 2 ? WIRE_NOW : WIRE_LATER), 0);
		sum = wire_sent(bed.wire) + wire_queued(bed.wire);
		far_take();
		wire_flush(bed.wire);
		assert_int_equal(wire_sent(bed.wire) + wire_queued(bed.wire), sum);
	}
	far_take_until(written);
	assert_int_equal(wire_flush(bed.wire), 0);
	assert_int_equal(wire_sent(bed.wire), sum);
}

/* Handed over where a record ends: what is behind it waits in the socket. */
static void wire_to_kernel__record_received_in_part__is_finished_first(void **state)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	(void)state;
	far_put_data(&bed, "first");
	far_send(&bed);
	near_wants(&bed, "first");
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, wire_fd(bed.wire), &ev), 0);
	far_put_pattern(0, 3000, 1000);
	assert_int_equal(send(bed.far, bed.out, 1500, 0), 1500);
	near_until(0, 1000);
	ask_kernel();
	check_places(WIRE_KERNEL, WIRE_RECORDS);
	assert_int_equal(wire_read(bed.wire, bed.in), -EAGAIN);
	assert_int_equal(send(bed.far, bed.out + 1500, bed.n_out - 1600, 0), bed.n_out - 1600);
	poll(NULL, 0, 20);
	assert_int_equal(wire_read(bed.wire, bed.in), 1000);
	check_places(WIRE_KERNEL, WIRE_KERNEL);
	assert_true(wire_more(bed.wire));
	assert_int_equal(wire_read(bed.wire, bed.in), -EAGAIN); /* the third lacks 100 bytes */
	epoll_wait(ep, &ev, 1, 0);
	assert_int_equal(send(bed.far, bed.out + bed.n_out - 100, 100, 0), 100);
	assert_int_equal(epoll_wait(ep, &ev, 1, 1000), 1);
	near_until(2000, 1000);
	close(ep);
}

static void wire_to_kernel__before_any_data__takes_what_is_queued_in_the_socket(void **state)
{
	(void)state;
	ask_kernel();
	check_places(WIRE_KERNEL, WIRE_RECORDS);
	far_put_pattern(0, 200000, 500);
	far_send(&bed);
	poll(NULL, 0, 20);
	assert_int_equal(near_get(&bed), 500);
	check_places(WIRE_KERNEL, WIRE_KERNEL);
	near_until(500, 199500);
	assert_int_equal(wire_read(bed.wire, bed.in), -EAGAIN);
}

static void wire_to_kernel__shut_down_before__leaves_sending_alone(void **state)
{
	(void)state;
	assert_int_equal(put(WIRE_WRITE_MAX, WIRE_NOW), 0);
	assert_int_equal(put(WIRE_WRITE_MAX, WIRE_NOW), 0);
	ask_kernel();
	assert_int_equal(wire_shutdown(bed.wire), -EAGAIN);
	far_takes_the_rest();
	check_places(WIRE_RECORDS, WIRE_RECORDS);
}

/* Where the kernel cannot replace its key, what is due already is done before it has one. */
static void wire_to_kernel__answer_is_due__is_given_first(void **state)
{
	(void)state;
	opts.rekey_tx = false;
	far_key_update(&bed, true);
	far_put_data(&bed, "first");
	far_send(&bed);
	near_wants(&bed, "first");
	ask_kernel();
	check_places(WIRE_RECORDS, WIRE_KERNEL);
	assert_int_equal(wire_wear(bed.wire), WIRE_FRESH);
	assert_int_equal(put(100, WIRE_NOW), 0);
	assert_int_equal(put(100, WIRE_NOW), 0);
	check_places(WIRE_KERNEL, WIRE_KERNEL);
	far_take_until(200);
	assert_int_equal(n_updates, 1);
	assert_int_equal(wire_wear(bed.wire), WIRE_FRESH);
}

static void wire_to_kernel__twice__changes_nothing(void **state)
{
	const struct wire_kernel_opts other = { .tx = true, .rx = true, .no_pad = true };

	(void)state;
	hand_over();
	assert_int_equal(wire_to_kernel(bed.wire, &other), 0);
	check_places(WIRE_KERNEL, WIRE_KERNEL);
	assert_null(wire_kernel_refusal(bed.wire));
	assert_int_equal(put(100, WIRE_NOW), 0);
	far_take_until(100);
}

static void wire_free__kernel_has_the_keys__leaves_no_descriptor(void **state)
{
	int before = bed_count_fds();

	for (int i = 0; i < 200; i++) {
		tear_down(state);
		set_up(state);
		hand_over();
		assert_int_equal(put(1000, i % 2 ? WIRE_LATER : WIRE_NOW), 0);
	}
	assert_int_equal(bed_count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_EACH(wire_to_kernel__each_kind__moves_a_mebibyte_each_way, set_up),
		KERNEL_TINY(wire_to_kernel__queue_is_there__sends_behind_it),
		KERNEL_TEST(wire_to_kernel__queue_for_later__is_no_reason_to_wait),
		KERNEL_EACH(wire_sent__with_wire_queued__grows_by_writes_alone, set_up_tiny),
		KERNEL_TEST(wire_to_kernel__record_received_in_part__is_finished_first),
		KERNEL_TEST(wire_to_kernel__before_any_data__takes_what_is_queued_in_the_socket),
		KERNEL_TINY(wire_to_kernel__shut_down_before__leaves_sending_alone),
		KERNEL_TEST(wire_to_kernel__answer_is_due__is_given_first),
		KERNEL_TEST(wire_to_kernel__twice__changes_nothing),
		KERNEL_TEST(wire_free__kernel_has_the_keys__leaves_no_descriptor),
	};

	return run_kernel(tests, COUNT(tests));
}
