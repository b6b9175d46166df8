// SPDX-License-Identifier: GPL-2.0-or-later
// The copy engine between two loopback connections: transfer, half-close, back-pressure, early
// bytes.
#include "datapath/tcp.h"

#include "tcp_bed.h"

#define MIB (1024 * 1024)

static uint32_t seed = 12345;

static uint32_t chance(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void relay__both_ways_with_pauses__is_byte_exact(void **state)
{
	uint64_t sent[2] = { 0, 0 }, got[2] = { 0, 0 };
	bool ended[2] = { false, false };
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	endpoint_join(b.ep[0], b.ep[1]);
	for (int turn = 0; turn < 200000 && !(ended[0] && ended[1]); turn++) {
		int side = (int)chance(2);

		if (sent[side] < 8 * MIB)
			bed_send(b.far[side], side, &sent[side], chance(200000));
		else
			shutdown(b.far[side], SHUT_WR);
		if (chance(3) && !ended[!side])
			ended[!side] =
				bed_recv(b.far[side], !side, &got[!side], chance(300000)) == 0;
		loop_turn(b.loop, 0);
	}
	assert_true(ended[0] && ended[1]);
	assert_true(sent[0] >= 8 * MIB && sent[1] >= 8 * MIB);
	assert_int_equal(got[0], sent[0]);
	assert_int_equal(got[1], sent[1]);
	bed_settle(&b);
	bed_done(&b);
}

static void relay__tiny_buffers__is_byte_exact(void **state)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;
	int ret = 1;

	(void)state;
	bed_init(&b, 4096);
	endpoint_join(b.ep[0], b.ep[1]);
	for (int turn = 0; turn < 100000 && ret == 1; turn++) {
		if (sent < MIB)
			bed_send(b.far[0], 0, &sent, 1 + chance(20000));
		else
			shutdown(b.far[0], SHUT_WR);
		ret = bed_recv(b.far[1], 0, &got, chance(20000));
		loop_turn(b.loop, 0);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(got, sent);
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	bed_done(&b);
}

static void check_half_close(int first)
{
	uint64_t sent[2] = { 0, 0 }, got[2] = { 0, 0 };
	struct tcp_bed b;
	int second = !first;

	bed_init(&b, 0);
	endpoint_join(b.ep[0], b.ep[1]);
	bed_send(b.far[first], first, &sent[first], 1000);
	shutdown(b.far[first], SHUT_WR);
	assert_int_equal(bed_drain(&b, second, &got[first]), 0);
	assert_int_equal(got[first], 1000);
	assert_int_equal(b.busy, 2);
	for (int i = 0; i < 10; i++) { /* the other direction lives on */
		bed_send(b.far[second], second, &sent[second], 100000);
		bed_settle(&b);
		assert_int_equal(bed_recv(b.far[first], second, &got[second], SIZE_MAX), 1);
	}
	shutdown(b.far[second], SHUT_WR);
	assert_int_equal(bed_drain(&b, first, &got[second]), 0);
	assert_int_equal(got[second], sent[second]);
	bed_settle(&b);
	bed_done(&b);
}

static void relay__half_close__leaves_the_other_direction(void **state)
{
	(void)state;
	check_half_close(0);
	check_half_close(1);
}

static void relay__data_before_the_join__waits_for_it(void **state)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	bed_send(b.far[0], 0, &sent, 5000);
	shutdown(b.far[0], SHUT_WR);
	bed_settle(&b);
	endpoint_join(b.ep[0], b.ep[1]);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	assert_int_equal(got, 5000);
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	bed_done(&b);
}

static void tcp_read_now__what_is_there__leaves_in_this_turn(void **state)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	bed_settle(&b); /* the loop has told all that there is to tell */
	bed_send(b.far[0], 0, &sent, 5000);
	endpoint_join(b.ep[0], b.ep[1]);
	tcp_read_now(b.ep[0]);
	loop_turn(b.loop, 0);
	assert_int_equal(bed_recv(b.far[1], 0, &got, SIZE_MAX), 1);
	assert_int_equal(got, 5000);
	bed_send(b.far[0], 0, &sent, 10); /* later edges are seen as ever */
	shutdown(b.far[0], SHUT_WR);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	assert_int_equal(got, 5010);
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	bed_done(&b);
}

static void tcp_read_now__nothing_there__waits(void **state)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 0);
	endpoint_join(b.ep[0], b.ep[1]);
	tcp_read_now(b.ep[0]);
	bed_settle(&b);
	assert_int_equal(b.busy, 2);
	bed_send(b.far[0], 0, &sent, 5000);
	shutdown(b.far[0], SHUT_WR);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	assert_int_equal(got, 5000);
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	bed_done(&b);
}

/* One side as the bed makes it, with `n` early bytes in front of what its socket has. */
static struct endpoint *with_early(struct tcp_bed *b, size_t n, int *ret_far)
{
	struct endpoint *e;
	struct buf early = { 0 };
	int pair[2];

	for (size_t i = 0; i < n; i++) {
		uint8_t byte = bed_byte(i, 0);

		assert_int_equal(buf_append(&early, &b->pool, &byte, 1), 0);
	}
	bed_tcp_pair(pair, 0);
	*ret_far = pair[0];
	e = tcp_endpoint_new(&b->sh, pair[1], &early, NULL);
	assert_non_null(e);
	assert_int_equal(early.len, 0);
	return e;
}

static void tcp_endpoint_new__early_bytes__go_first(void **state)
{
	static const size_t sizes[] = { 1, 16384, 100000, 2 * MIB };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t sent = sizes[i], got = 0;
		struct endpoint *e;
		struct tcp_bed b;
		int far;

		bed_init(&b, 0);
		e = with_early(&b, sizes[i], &far);
		bed_send(far, 0, &sent, 3000);
		close(far);
		endpoint_join(e, b.ep[1]);
		assert_int_equal(bed_drain(&b, 1, &got), 0);
		assert_int_equal(got, sizes[i] + 3000);
		bed_close_far(&b, 1, false);
		bed_settle(&b);
		b.ep[0]->ops->abort(b.ep[0]);
		bed_settle(&b);
		bed_done(&b);
	}
}

static void tcp_endpoint__aborted_with_early_bytes__releases_them(void **state)
{
	struct endpoint *e;
	struct tcp_bed b;
	int far;

	(void)state;
	bed_init(&b, 0);
	e = with_early(&b, 50000, &far);
	e->ops->abort(e);
	for (int i = 0; i < 2; i++)
		b.ep[i]->ops->abort(b.ep[i]);
	bed_settle(&b);
	close(far);
	bed_done(&b);
}

static void relay__receiver_stands_still__bounds_the_queue(void **state)
{
	uint64_t sent = 0, got = 0;
	struct tcp_bed b;
	size_t most = 0;

	(void)state;
	bed_init(&b, 4096);
	endpoint_join(b.ep[0], b.ep[1]);
	for (int i = 0; i < 2000; i++) {
		bed_send(b.far[0], 0, &sent, 65536);
		loop_turn(b.loop, 0);
		most = b.ep[1]->queued > most ? b.ep[1]->queued : most;
		assert_int_equal(b.ep[0]->queued, 0);
	}
	assert_true(most >= 65536);
	assert_true(most <= 65536 + RELAY_READ_MAX);
	assert_true(b.pool.bytes_out <= most + 2 * BUF_CHUNK_LEN);
	assert_false(b.ep[1]->ops->has_room(b.ep[1]));
	shutdown(b.far[0], SHUT_WR);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	assert_int_equal(got, sent);
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	bed_done(&b);
}

/* A write is never refused: a frame's worth of pieces is queued whole. */
static void tcp_write__gather_list_while_full__is_queued_in_order(void **state)
{
	uint64_t got = 0, at = 0;
	static uint8_t bytes[64 * 1024];
	struct tcp_bed b;

	(void)state;
	bed_init(&b, 4096);
	for (int round = 0; round < 5; round++) {
		struct iovec iov[ENDPOINT_PIECES];

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = bed_byte(at + i, 0);
		for (int i = 0; i < ENDPOINT_PIECES; i++)
			iov[i] = (struct iovec){ bytes + 1024 * i, 1024 };
		b.ep[1]->ops->write(b.ep[1], iov, ENDPOINT_PIECES, ENDPOINT_TIGHT);
		at += sizeof(bytes);
	}
	assert_true(b.ep[1]->queued > 0);
	assert_true(b.ep[1]->queued < at);
	b.ep[1]->ops->finish(b.ep[1]);
	assert_int_equal(bed_drain(&b, 1, &got), 0);
	assert_int_equal(got, at);
	b.ep[0]->ops->abort(b.ep[0]);
	bed_close_far(&b, 1, false);
	bed_settle(&b);
	bed_done(&b);
}

static unsigned resumed;

static void count_resume(struct endpoint *e)
{
	(void)e;
	resumed++;
}

static void tcp_flush__room_again__resumes_the_peer(void **state)
{
	static const struct endpoint_ops ops = { .resume = count_resume };
	static uint8_t bytes[1024 * 1024];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct endpoint peer = { .ops = &ops };
	uint64_t got = 0;
	struct tcp_bed b;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = bed_byte(i, 0);
	bed_init(&b, 4096);
	endpoint_join(b.ep[1], &peer);
	b.ep[1]->ops->write(b.ep[1], &iov, 1, ENDPOINT_TIGHT);
	bed_settle(&b);
	resumed = 0;
	for (int i = 0; i < 20000 && got < sizeof(bytes); i++) {
		assert_int_equal(bed_recv(b.far[1], 0, &got, SIZE_MAX), 1);
		loop_turn(b.loop, 1);
	}
	assert_int_equal(got, sizeof(bytes));
	assert_true(resumed > 0);
	assert_true(b.ep[1]->ops->has_room(b.ep[1]));
	endpoint_unjoin(&peer);
	for (int i = 0; i < 2; i++)
		b.ep[i]->ops->abort(b.ep[i]);
	bed_settle(&b);
	bed_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relay__both_ways_with_pauses__is_byte_exact),
		cmocka_unit_test(relay__tiny_buffers__is_byte_exact),
		cmocka_unit_test(relay__half_close__leaves_the_other_direction),
		cmocka_unit_test(relay__data_before_the_join__waits_for_it),
		cmocka_unit_test(tcp_read_now__what_is_there__leaves_in_this_turn),
		cmocka_unit_test(tcp_read_now__nothing_there__waits),
		cmocka_unit_test(tcp_endpoint_new__early_bytes__go_first),
		cmocka_unit_test(tcp_endpoint__aborted_with_early_bytes__releases_them),
		cmocka_unit_test(relay__receiver_stands_still__bounds_the_queue),
		cmocka_unit_test(tcp_write__gather_list_while_full__is_queued_in_order),
		cmocka_unit_test(tcp_flush__room_again__resumes_the_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
