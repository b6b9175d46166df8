// SPDX-License-Identifier: GPL-2.0-or-later
// How relayed connections end: finish, abort, resets from either side, and time-outs of the
// farewell.
#include "datapath/tcp.h"

#include "tcp_bed.h"

#define MIB	    (1024 * 1024)
#define STUCK_MS    30000
#define FAREWELL_MS 3000

static void tcp_abort__is_seen_as_a_reset(void **state)
{
	struct tcp_bed b;
	char byte;

	(void)state;
	bed_init(&b, 0);
	endpoint_join(b.ep[0], b.ep[1]);
	endpoint_unjoin(b.ep[0]);
	b.ep[0]->ops->abort(b.ep[0]);
	bed_settle(&b);
	assert_int_equal(b.busy, 1);
	assert_int_equal(recv(b.far[0], &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	b.ep[1]->ops->abort(b.ep[1]);
	bed_settle(&b);
	bed_done(&b);
}

static void tcp_finish__queued_bytes__arrive_before_the_end(void **state)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 4096);
	endpoint_join(b.ep[0], b.ep[1]);
	for (int i = 0; i < 200; i++) {
		bed_send(b.far[0], 0, &sent, 4096);
		loop_turn(b.loop, 0);
	}
	assert_true(b.ep[1]->queued > 0);
	/* what is still in the kernel is not the endpoint's: it is lost with the abort */
	endpoint_unjoin(b.ep[0]);
	b.ep[0]->ops->abort(b.ep[0]);
	b.ep[1]->ops->finish(b.ep[1]);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	assert_true(got >= 65536);
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	bed_done(&b);
}

/* Closing a socket with unread bytes makes the kernel send RST, which would eat what was delivered.
 */
static void tcp_finish__unread_input__is_no_reset(void **state)
{
	uint64_t junk = 0, got = 0;
	static uint8_t answer[300000];
	struct iovec iov = { answer, sizeof(answer) };
	struct tcp_bed b;
	char byte;

	(void)state;
	for (size_t i = 0; i < sizeof(answer); i++)
		answer[i] = bed_byte(i, 0);
	bed_init(&b, 0);
	bed_send(b.far[1], 1, &junk, 100000);
	b.ep[1]->ops->write(b.ep[1], &iov, 1, ENDPOINT_TIGHT);
	b.ep[1]->ops->finish(b.ep[1]);
	bed_settle(&b);
	bed_send(b.far[1], 1, &junk, 50000); /* and goes on sending */
	bed_settle(&b);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	assert_int_equal(got, sizeof(answer));
	bed_send(b.far[1], 1, &junk, 1000);
	bed_settle(&b);
	assert_int_equal(recv(b.far[1], &byte, 1, 0), 0);
	assert_int_equal(b.busy, 2);
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	assert_int_equal(b.busy, 1);
	b.ep[0]->ops->abort(b.ep[0]);
	bed_settle(&b);
	bed_done(&b);
}

/* The same where the other side falls silent: what it sent before must be gone when we close. */
static void tcp_finish__unread_input_of_a_silent_side__is_no_reset(void **state)
{
	struct pollfd p = { .events = POLLIN };
	uint64_t junk = 0, got = 0;
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	b.ep[0]->ops->abort(b.ep[0]);
	b.ep[1]->ops->eof(b.ep[1]); /* so that finishing itself makes no event on the socket */
	bed_settle(&b);
	bed_send(b.far[1], 1, &junk, 100000);
	bed_settle(&b);
	b.ep[1]->ops->finish(b.ep[1]);
	bed_settle(&b);
	bed_advance(&b, FAREWELL_MS);
	assert_int_equal(b.busy, 0);
	p.fd = b.far[1];
	assert_int_equal(poll(&p, 1, 20), 1);
	assert_false(p.revents & POLLERR);
	assert_int_equal(bed_recv(b.far[1], 0, &got, 1), 0);
	bed_done(&b);
}

static void tcp_finish__other_side_never_closes__is_given_up(void **state)
{
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	b.ep[0]->ops->abort(b.ep[0]);
	b.ep[1]->ops->finish(b.ep[1]);
	bed_settle(&b);
	assert_int_equal(b.busy, 1);
	bed_advance(&b, FAREWELL_MS - 1);
	assert_int_equal(b.busy, 1);
	bed_advance(&b, 1);
	assert_int_equal(b.busy, 0);
	bed_done(&b);
}

static void tcp_finish__rest_is_never_taken__is_reset(void **state)
{
	static uint8_t bytes[4 * MIB];
	struct iovec iov = { bytes, sizeof(bytes) };
	uint64_t got = 0;
	struct tcp_bed b;
	int ret = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = bed_byte(i, 0);
	bed_init(&b, 4096);
	b.ep[0]->ops->abort(b.ep[0]);
	b.ep[1]->ops->write(b.ep[1], &iov, 1, ENDPOINT_TIGHT);
	b.ep[1]->ops->finish(b.ep[1]);
	bed_settle(&b);
	bed_advance(&b, STUCK_MS - 1);
	assert_int_equal(b.busy, 1);
	assert_int_equal(bed_recv(b.far[1], 0, &got, 2000), 1);
	for (int i = 0; i < 200; i++) { /* some progress gives it a new time */
		bed_recv(b.far[1], 0, &got, 2000);
		loop_turn(b.loop, 1);
	}
	bed_advance(&b, STUCK_MS - 1);
	assert_int_equal(b.busy, 1);
	bed_advance(&b, STUCK_MS);
	assert_int_equal(b.busy, 0);
	while (ret == 1)
		ret = bed_recv(b.far[1], 0, &got, SIZE_MAX);
	assert_int_equal(ret, -ECONNRESET);
	assert_true(got < sizeof(bytes));
	bed_done(&b);
}

static void check_reset(int from)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;

	bed_init(&b, 0);
	endpoint_join(b.ep[0], b.ep[1]);
	bed_send(b.far[from], from, &sent, 1000);
	bed_settle(&b);
	bed_close_far(&b, from, true);
	assert_int_equal(bed_drain(&b, !from, &got), -ECONNRESET);
	bed_settle(&b);
	bed_done(&b);
}

static void relay__reset_from_one_side__resets_the_other(void **state)
{
	(void)state;
	check_reset(0);
	check_reset(1);
}

static void relay__reset_while_bytes_wait__resets_the_other(void **state)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 4096);
	endpoint_join(b.ep[0], b.ep[1]);
	for (int i = 0; i < 500; i++) {
		bed_send(b.far[0], 0, &sent, 65536);
		loop_turn(b.loop, 0);
	}
	assert_true(b.ep[1]->queued > 0);
	bed_close_far(&b, 1, true);
	bed_settle(&b);
	assert_int_equal(b.busy, 0);
	assert_int_equal(bed_recv(b.far[0], 1, &got, 1), -ECONNRESET);
	bed_done(&b);
}

/* The reader's end came long before; nobody writes any more either, so only the socket can tell. */
static void relay__reset_after_half_close__resets_the_other(void **state)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	endpoint_join(b.ep[0], b.ep[1]);
	shutdown(b.far[0], SHUT_WR);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	bed_send(b.far[1], 1, &sent, 1000);
	bed_settle(&b);
	bed_close_far(&b, 0, true);
	bed_settle(&b);
	assert_int_equal(b.busy, 0);
	/* having seen EOF, it learns of the reset by its next write only */
	assert_int_equal(send(b.far[1], "x", 1, MSG_NOSIGNAL), -1);
	bed_done(&b);
}

/* All that came before the end of one side is delivered although that side is gone altogether. */
static void relay__sender_closes__the_rest_is_delivered(void **state)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 4096);
	endpoint_join(b.ep[0], b.ep[1]);
	for (int i = 0; i < 500; i++) {
		bed_send(b.far[0], 0, &sent, 65536);
		loop_turn(b.loop, 0);
	}
	bed_close_far(&b, 0, false);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	assert_int_equal(got, sent);
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	bed_done(&b);
}

static void tcp_finish__twice_and_abort_after__is_ignored(void **state)
{
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	endpoint_join(b.ep[0], b.ep[1]);
	b.ep[0]->ops->finish(b.ep[0]);
	assert_null(b.ep[1]->peer);
	b.ep[0]->ops->finish(b.ep[0]);
	b.ep[0]->ops->abort(b.ep[0]);
	b.ep[0]->ops->abort(b.ep[0]);
	b.ep[0]->ops->finish(b.ep[0]);
	assert_int_equal(b.busy, 1);
	b.ep[1]->ops->abort(b.ep[1]);
	bed_settle(&b);
	bed_done(&b);
}

static void tcp_eof__then_finish__still_delivers(void **state)
{
	static uint8_t bytes[MIB];
	struct iovec iov = { bytes, sizeof(bytes) };
	uint64_t got = 0;
	struct tcp_bed b;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = bed_byte(i, 0);
	bed_init(&b, 4096);
	b.ep[0]->ops->abort(b.ep[0]);
	b.ep[1]->ops->write(b.ep[1], &iov, 1, ENDPOINT_TIGHT);
	b.ep[1]->ops->eof(b.ep[1]);
	b.ep[1]->ops->write(b.ep[1], &iov, 1, ENDPOINT_TIGHT); /* nothing may come after EOF */
	b.ep[1]->ops->finish(b.ep[1]);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	assert_int_equal(got, sizeof(bytes));
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	bed_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_abort__is_seen_as_a_reset),
		cmocka_unit_test(tcp_finish__queued_bytes__arrive_before_the_end),
		cmocka_unit_test(tcp_finish__unread_input__is_no_reset),
		cmocka_unit_test(tcp_finish__unread_input_of_a_silent_side__is_no_reset),
		cmocka_unit_test(tcp_finish__other_side_never_closes__is_given_up),
		cmocka_unit_test(tcp_finish__rest_is_never_taken__is_reset),
		cmocka_unit_test(relay__reset_from_one_side__resets_the_other),
		cmocka_unit_test(relay__reset_while_bytes_wait__resets_the_other),
		cmocka_unit_test(relay__reset_after_half_close__resets_the_other),
		cmocka_unit_test(relay__sender_closes__the_rest_is_delivered),
		cmocka_unit_test(tcp_finish__twice_and_abort_after__is_ignored),
		cmocka_unit_test(tcp_eof__then_finish__still_delivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
