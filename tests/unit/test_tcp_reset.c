// SPDX-License-Identifier: GPL-2.0-or-later
// A relay's side that answers and resets: what it had said goes on before the reset does.
#include "datapath/tcp.h"

#include "tcp_bed.h"

#define FULL (128 * 1024) /* more than an endpoint has room for */

/* The answer waits in the socket when a write to it finds out. */
static void write_after_reset(struct tcp_bed *b, size_t answer)
{
	uint64_t sent = 0;
	uint8_t upload[100] = { 0 };
	struct iovec iov = { upload, sizeof(upload) };

	endpoint_join(b->ep[0], b->ep[1]);
	bed_send(b->far[1], 1, &sent, answer);
	assert_int_equal(sent, answer);
	bed_close_far(b, 1, true);
	b->ep[1]->ops->write(b->ep[1], &iov, 1, ENDPOINT_TIGHT);
}

static void relay__answer_then_reset__both_arrive(void **state)
{
	uint64_t got = 0;
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	write_after_reset(&b, 1000);
	assert_int_equal(bed_drain(&b, 0, &got), -ECONNRESET);
	assert_int_equal(got, 1000);
	bed_settle(&b);
	bed_done(&b);
}

/* The answer has to wait for its reader, but whoever waits for the writer is free. */
static void relay__answer_then_reset_without_room__goes_on_with_room(void **state)
{
	static uint8_t before[FULL], upload[FULL];
	struct iovec iov[2] = { { before, FULL }, { upload, FULL } };
	uint64_t got = 0;
	struct tcp_bed b;

	(void)state;
	for (size_t i = 0; i < FULL; i++)
		before[i] = bed_byte(i, 1);
	bed_init(&b, 4096);
	b.ep[0]->ops->write(b.ep[0], &iov[0], 1, ENDPOINT_TIGHT);
	b.ep[1]->ops->write(b.ep[1], &iov[1], 1, ENDPOINT_TIGHT);
	assert_false(b.ep[0]->ops->has_room(b.ep[0]));
	assert_true(b.ep[1]->queued > 0);
	write_after_reset(&b, 1000);
	bed_settle(&b);
	assert_int_equal(b.busy, 2);
	assert_int_equal(b.ep[1]->queued, 0);
	assert_int_equal(bed_drain(&b, 0, &got), -ECONNRESET);
	bed_settle(&b);
	bed_done(&b);
}

/* Nobody is left to get it. */
static void tcp_finish__answer_then_reset__is_over(void **state)
{
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	write_after_reset(&b, 1000);
	endpoint_unjoin(b.ep[1]);
	b.ep[0]->ops->abort(b.ep[0]);
	b.ep[1]->ops->finish(b.ep[1]);
	bed_settle(&b);
	bed_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relay__answer_then_reset__both_arrive),
		cmocka_unit_test(relay__answer_then_reset_without_room__goes_on_with_room),
		cmocka_unit_test(tcp_finish__answer_then_reset__is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
