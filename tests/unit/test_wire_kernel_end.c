// SPDX-License-Identifier: GPL-2.0-or-later
// How a wire ends whose records the kernel makes: nothing is cut off, nothing waits without end,
// and little waits behind a peer that is slow.
#include "wire/wire.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "kernel_bed.h"

#define MUCH (4 << 20)

/* Bytes that may wait in the kernel before the socket says that it is full: what is unsent in TCP,
 * the records of one write, and what is on its way. */
#define HELD_MAX (512 << 10)

static void set_room(int fd, int name, int room)
{
	assert_int_equal(setsockopt(fd, SOL_SOCKET, name, &room, sizeof(room)), 0);
}

/* Writes as long as the socket takes all; then so much more that waits in the queue. */
static void fill(uint64_t more)
{
	while (wire_queued(bed.wire) == 0)
		assert_int_equal(put(65529, WIRE_NOW), 0);
	for (uint64_t end = written + more; written < end;)
		assert_int_equal(put(65529, WIRE_NOW), 0);
}

static void wire_shutdown__peer_reads_late__cuts_nothing_off(void **state)
{
	(void)state;
	hand_over();
	fill(MUCH);
	assert_int_equal(wire_shutdown(bed.wire), -EAGAIN);
	for (int i = 0; i < 5; i++) {
		poll(NULL, 0, 10);
		assert_int_equal(wire_flush(bed.wire), -EAGAIN);
	}
	assert_int_equal(put(1, WIRE_NOW), -EPIPE);
	far_takes_the_rest();
	assert_true(taken > MUCH);
	assert_int_equal(wire_flush(bed.wire), 0);
	assert_int_equal(wire_queued(bed.wire), 0);
}

/* Bytes that are with kernel TLS: neither in the queue, nor with TCP. */
static size_t held(void)
{
	int outq;

	assert_int_equal(ioctl(wire_fd(bed.wire), SIOCOUTQ, &outq), 0);
	return wire_unacked(bed.wire) - wire_queued(bed.wire) - (size_t)outq;
}

/* Until the queue is empty: what has not left is then with kernel TLS, or with TCP. */
static void empty_the_queue(void)
{
	while (wire_flush(bed.wire) == -EAGAIN && wire_queued(bed.wire) > 0)
		far_take();
}

/* The moment that shutdown() must not be called in. */
static void wire_shutdown__kernel_holds_records__waits_for_them(void **state)
{
	int tries = 0;

	(void)state;
	set_room(wire_fd(bed.wire), SO_SNDBUF, 4608);
	hand_over();
	for (; tries < 3000 && held() == 0; tries++) {
		empty_the_queue();
		assert_int_equal(put(16384, WIRE_NOW), 0);
		if (wire_queued(bed.wire) > 0)
			empty_the_queue();
	}
	assert_true(tries < 3000);
	assert_int_equal(wire_queued(bed.wire), 0);
	assert_int_equal(wire_shutdown(bed.wire), -EAGAIN);
	far_takes_the_rest();
	assert_int_equal(wire_flush(bed.wire), 0);
	assert_int_equal(held(), 0);
}

static void wire_unacked__all_is_acknowledged__is_zero(void **state)
{
	(void)state;
	hand_over();
	fill(MUCH / 4);
	assert_true(wire_unacked(bed.wire) > MUCH / 4);
	far_take_until(written);
	for (int i = 0; i < 500 && wire_unacked(bed.wire) > 0; i++)
		poll(NULL, 0, 2);
	assert_int_equal(wire_unacked(bed.wire), 0);
	assert_int_equal(put(1, WIRE_NOW), 0);
	far_take_until(written);
}

/* The kernel takes no more than a bound, however long it is asked; the rest is in the queue. */
static void wire_unacked__peer_is_slow__is_bounded(void **state)
{
	size_t most = 0;

	(void)state;
	set_room(bed.far, SO_RCVBUF, 65536);
	hand_over();
	fill(8 * MUCH);
	for (int i = 0; i < 400; i++) {
		size_t in_kernel;

		far_take();
		wire_flush(bed.wire);
		in_kernel = wire_unacked(bed.wire) - wire_queued(bed.wire);
		most = in_kernel > most ? in_kernel : most;
	}
	print_message("at most %zu bytes in the kernel\n", most);
	assert_true(most < HELD_MAX);
	far_take_until(written);
}

/* Edges alone must do, whatever the kernel holds. */
static void wire_flush__only_on_edges__empties_the_queue(void **state)
{
	static uint8_t raw[65536];
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };

	(void)state;
	hand_over();
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, wire_fd(bed.wire), &ev), 0);
	fill(MUCH);
	for (int turns = 0; wire_queued(bed.wire) > 0 && turns < 100000; turns++) {
		while (recv(bed.far, raw, sizeof(raw), 0) > 0)
			;
		if (epoll_wait(ep, &ev, 1, 1) == 1)
			assert_true(wire_flush(bed.wire) <= 0);
	}
	assert_int_equal(wire_queued(bed.wire), 0);
	close(ep);
}

static void wire_flush__connection_is_reset__waits_for_nothing(void **state)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	int err;

	(void)state;
	hand_over();
	fill(0);
	empty_the_queue();
	setsockopt(bed.far, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(bed.far);
	bed.far = -1;
	near_ends(&bed, WIRE_RESET);
	err = wire_shutdown(bed.wire);
	assert_true(err == 0 || err == -EPIPE || err == -ECONNRESET);
	assert_int_equal(put(10, WIRE_NOW), -EPIPE);
}

/* The kernel would go on taking data for a connection that is gone. */
static void wire_write__reset_that_nobody_read__fails_soon(void **state)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	int err = 0;

	(void)state;
	hand_over();
	setsockopt(bed.far, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(bed.far);
	bed.far = -1;
	await_reset();
	for (int i = 0; i < 20 && !err; i++)
		err = put(1000, WIRE_NOW);
	assert_true(err < 0);
	assert_int_equal(put(1000, WIRE_NOW), -EPIPE);
}

static void wire_abort__kernel_has_the_keys__resets(void **state)
{
	uint8_t byte;

	(void)state;
	hand_over();
	assert_int_equal(put(10, WIRE_LATER), 0);
	wire_abort(bed.wire);
	bed.wire = NULL;
	await_far();
	assert_int_equal(recv(bed.far, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

#define KERNEL_SENDS(f)                                                                            \
	KERNEL_TEST_UP(f, set_up_tiny, 0), KERNEL_TEST_UP(f, set_up_tiny, 1),                      \
		KERNEL_TEST_UP(f, set_up_tiny, 2), KERNEL_TEST_UP(f, set_up_tiny, 3)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_EACH(wire_shutdown__peer_reads_late__cuts_nothing_off, set_up_tiny),
		KERNEL_TEST(wire_shutdown__peer_reads_late__cuts_nothing_off),
		KERNEL_SENDS(wire_shutdown__kernel_holds_records__waits_for_them),
		KERNEL_SENDS(wire_unacked__all_is_acknowledged__is_zero),
		KERNEL_TEST(wire_unacked__peer_is_slow__is_bounded),
		KERNEL_TINY(wire_flush__only_on_edges__empties_the_queue),
		KERNEL_TEST(wire_flush__only_on_edges__empties_the_queue),
		KERNEL_TINY(wire_flush__connection_is_reset__waits_for_nothing),
		KERNEL_TEST(wire_write__reset_that_nobody_read__fails_soon),
		KERNEL_TEST(wire_abort__kernel_has_the_keys__resets),
	};

	return run_kernel(tests, COUNT(tests));
}
