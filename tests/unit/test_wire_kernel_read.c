// SPDX-License-Identifier: GPL-2.0-or-later
// What a peer can send where the kernel reads the records: padding, nothing, alerts, and what is no
// TLS.
#include "wire/wire.h"

#include <sys/epoll.h>

#include "kernel_bed.h"

static const uint8_t farewell[] = { 1, ALERT_CLOSE_NOTIFY };

/* Whether padded records come out right under NO_PAD, found out without a wire. */
static bool no_pad_is_right(void)
{
	static const char want[] = "aaaaaaaabbbbbbbbcccccccc";
	struct record_dir tx;
	struct tls_half half = forge_keys(&bed.rc, TLS_SUITE_AES_128_GCM, 3);
	uint8_t out[256];
	static uint8_t p[65536];
	size_t n = 0;
	int pair[2], type;
	bool right = true;

	bed_tcp_pair(pair, 0);
	record_dir_init(&tx, TLS_SUITE_AES_128_GCM, &half, true);
	for (size_t i = 0; i < 3; i++)
		n += forge(&bed.rc, &tx, RECORD_DATA, want + 8 * i, 8, i == 1 ? 20 : 0, out + n);
	assert_int_equal(ktls_attach(pair[1]), 0);
	assert_int_equal(ktls_install(pair[1], KTLS_RX, TLS_SUITE_AES_128_GCM, &half), 0);
	right = ktls_expect_no_pad(pair[1]) == 0;
	assert_int_equal(send(pair[0], out, n, 0), n);
	poll(NULL, 0, 20);
	right = right && ktls_recv(pair[1], p, sizeof(p), &type) == 24 && !memcmp(p, want, 24);
	record_dir_done(&bed.rc, &tx);
	close(pair[0]);
	close(pair[1]);
	return right;
}

static void check_padded(void)
{
	static const size_t pads[] = { 0, 1, 20, 0, 255, 4000, 0, 0, 15000, 1 };
	char all[COUNT(pads) * 100 + 1] = "";

	hand_over();
	for (size_t i = 0; i < COUNT(pads); i++) {
		char text[100];

		memset(text, 'a' + (int)i, sizeof(text) - 1);
		text[sizeof(text) - 1] = 0;
		far_put(&bed, RECORD_DATA, text, strlen(text), pads[i]);
		strcat(all, text);
	}
	far_send(&bed);
	poll(NULL, 0, 20);
	near_wants(&bed, all);
}

static void wire_read__padding__is_taken_off(void **state)
{
	(void)state;
	check_padded();
}

static void wire_read__padding_under_no_pad__is_taken_off_where_that_is_right(void **state)
{
	(void)state;
	if (!no_pad_is_right()) {
		print_message("skipped: padding under NO_PAD goes wrong here\n");
		skip();
	}
	opts.no_pad = true;
	check_padded();
}

static void wire_read__no_pad__fills_the_room(void **state)
{
	uint8_t text[RECORD_DATA_MAX];
	size_t have = 0;

	(void)state;
	opts.no_pad = true;
	hand_over();
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 12; i++)
		far_put(&bed, RECORD_DATA, text, sizeof(text), 0);
	far_send(&bed);
	while (have < 12 * sizeof(text)) {
		ssize_t n = near_get(&bed);

		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(bed.in[i], 'x');
		have += (size_t)n;
	}
	assert_int_equal(have, 12 * sizeof(text));
}

static void wire_read__records_without_content__are_no_end(void **state)
{
	(void)state;
	hand_over();
	for (int i = 0; i < 5; i++) {
		far_put(&bed, RECORD_DATA, NULL, 0, i % 2 ? 100 : 0);
		far_send(&bed);
		poll(NULL, 0, 5);
		assert_int_equal(wire_read(bed.wire, bed.in), -EAGAIN);
	}
	far_put_data(&bed, "this");
	far_put(&bed, RECORD_DATA, NULL, 0, 0);
	far_put_data(&bed, "that");
	far_put(&bed, RECORD_DATA, NULL, 0, 0);
	far_send(&bed);
	near_wants(&bed, "thisthat");
	far_put(&bed, RECORD_DATA, NULL, 0, 0);
	far_send(&bed);
	shutdown(bed.far, SHUT_WR);
	near_ends(&bed, WIRE_TRUNCATED);
}

static void wire_read__record_without_content_before_the_farewell__is_no_end(void **state)
{
	(void)state;
	hand_over();
	far_put(&bed, RECORD_DATA, NULL, 0, 0);
	far_put(&bed, RECORD_ALERT, farewell, sizeof(farewell), 0);
	far_send(&bed);
	shutdown(bed.far, SHUT_WR);
	poll(NULL, 0, 20);
	near_ends(&bed, WIRE_CLOSED);
}

static void wire_read__tickets__are_passed_over(void **state)
{
	uint8_t ticket[204] = { 4, 0, 0, 200 };

	(void)state;
	hand_over();
	far_put(&bed, RECORD_HANDSHAKE, ticket, sizeof(ticket), 0);
	far_put_data(&bed, "here");
	far_put(&bed, RECORD_HANDSHAKE, ticket, 100, 0);
	far_put(&bed, RECORD_HANDSHAKE, ticket + 100, sizeof(ticket) - 100, 0);
	far_put_data(&bed, "there");
	far_send(&bed);
	poll(NULL, 0, 20);
	near_wants(&bed, "herethere");
}

/* Bytes without data, then an end of some kind, of which the peer is told. */
struct end_case {
	unsigned type;
	uint8_t content[8];
	size_t n;
	enum wire_end end;
	int alert; /* what the peer is told; -1: nothing */
};

static const struct end_case ends[] = {
	{ RECORD_ALERT, { 1, ALERT_CLOSE_NOTIFY }, 2, WIRE_CLOSED, -1 },
	{ RECORD_ALERT, { 2, 40 }, 2, WIRE_RESET, -1 },
	{ RECORD_ALERT, { 1, 0, 0 }, 3, WIRE_RESET, ALERT_UNEXPECTED_MESSAGE },
	{ RECORD_ALERT, { 0 }, 0, WIRE_RESET, ALERT_UNEXPECTED_MESSAGE },
	{ RECORD_HANDSHAKE, { 0 }, 0, WIRE_RESET, ALERT_UNEXPECTED_MESSAGE },
	{ RECORD_HANDSHAKE, { 24, 0, 0, 1, 2 }, 5, WIRE_RESET, ALERT_ILLEGAL_PARAMETER },
	{ RECORD_HANDSHAKE, { 1, 0, 0, 0 }, 4, WIRE_RESET, ALERT_UNEXPECTED_MESSAGE },
	{ 20, { 1 }, 1, WIRE_RESET, ALERT_UNEXPECTED_MESSAGE },
	{ 24, { 'n', 'o' }, 2, WIRE_RESET, ALERT_UNEXPECTED_MESSAGE },
	{ 99, { 0 }, 0, WIRE_RESET, ALERT_UNEXPECTED_MESSAGE },
};

static void wire_read__what_is_no_data__comes_behind_the_data_and_is_answered(void **state)
{
	for (size_t i = 0; i < COUNT(ends); i++) {
		const struct end_case *c = &ends[i];

		tear_down(state);
		set_up(state);
		hand_over();
		far_put_data(&bed, "data");
		far_put(&bed, c->type, c->content, c->n, 0);
		far_send(&bed);
		poll(NULL, 0, 10);
		near_wants(&bed, "data");
		near_ends(&bed, c->end);
		assert_int_equal(wire_shutdown(bed.wire), 0);
		if (c->alert >= 0)
			far_wants_alert(&bed, 2, (uint8_t)c->alert);
		else if (c->end == WIRE_CLOSED)
			far_wants_alert(&bed, 1, ALERT_CLOSE_NOTIFY);
		far_wants_fin(&bed);
	}
}

/* Something else instead of a record; `n` bytes of it, of which one is turned over in a good one.
 */
static void check_bad(const uint8_t *raw, size_t n, uint8_t alert)
{
	hand_over();
	far_put_data(&bed, "data");
	far_put_raw(&bed, raw, n);
	far_send(&bed);
	poll(NULL, 0, 10);
	near_wants(&bed, "data");
	near_ends(&bed, WIRE_RESET);
	assert_int_equal(put(10, WIRE_NOW), -EPIPE);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_wants_alert(&bed, 2, alert);
	far_wants_fin(&bed);
}

static void wire_read__forged_record__is_told_to_the_peer(void **state)
{
	uint8_t bad[45] = { 23, 3, 3, 0, 40 };

	(void)state;
	check_bad(bad, sizeof(bad), ALERT_BAD_RECORD_MAC);
}

static void wire_read__record_too_long__is_told_to_the_peer(void **state)
{
	uint8_t bad[45] = { 23, 3, 3, 0x70, 0 };

	(void)state;
	check_bad(bad, sizeof(bad), ALERT_RECORD_OVERFLOW);
}

static void wire_read__other_version__is_told_to_the_peer(void **state)
{
	uint8_t bad[45] = { 23, 2, 0, 0, 40 };

	(void)state;
	check_bad(bad, sizeof(bad), ALERT_PROTOCOL_VERSION);
}

static void wire_read__half_a_record_then_fin__is_truncation(void **state)
{
	(void)state;
	hand_over();
	far_put_data(&bed, "data");
	far_put_data(&bed, "never whole");
	assert_int_equal(send(bed.far, bed.out, bed.n_out - 5, 0), bed.n_out - 5);
	shutdown(bed.far, SHUT_WR);
	poll(NULL, 0, 10);
	near_wants(&bed, "data");
	near_ends(&bed, WIRE_TRUNCATED);
	assert_int_equal(put(10, WIRE_NOW), 0); /* our direction is open still */
	far_take_until(10);
}

static void wire_read__reset__comes_behind_the_data(void **state)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	(void)state;
	hand_over();
	setsockopt(bed.far, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(bed.far);
	bed.far = -1;
	near_ends(&bed, WIRE_RESET);
	assert_int_equal(put(10, WIRE_NOW), -EPIPE);
}

/* Edges alone must do: a read of less than there is, or of half a record, makes no other one. */
static void wire_read__only_on_edges__misses_nothing(void **state)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	size_t records = 0, have = 0, at = 0;

	(void)state;
	hand_over();
	assert_int_equal(wire_read(bed.wire, bed.in), -EAGAIN);
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, wire_fd(bed.wire), &ev), 0);
	for (; records < 300; records++)
		far_put_data(&bed, "0123456789");
	for (int turns = 0; have < 10 * records && turns < 1000; turns++) {
		size_t n = bed.n_out - at < 333 ? bed.n_out - at : 333;
		ssize_t n_in;

		assert_int_equal(send(bed.far, bed.out + at, n, 0), n);
		at += n;
		if (epoll_wait(ep, &ev, 1, at < bed.n_out ? 1 : 1000) == 0)
			continue;
		while ((n_in = wire_read(bed.wire, bed.in)) > 0)
			have += (size_t)n_in;
		assert_int_equal(n_in, -EAGAIN);
	}
	assert_int_equal(have, 10 * records);
	shutdown(bed.far, SHUT_WR);
	assert_int_equal(epoll_wait(ep, &ev, 1, 1000), 1);
	near_ends(&bed, WIRE_TRUNCATED);
	close(ep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_EACH(wire_read__padding__is_taken_off, set_up),
		KERNEL_TEST(wire_read__padding_under_no_pad__is_taken_off_where_that_is_right),
		KERNEL_TEST(wire_read__no_pad__fills_the_room),
		KERNEL_TEST(wire_read__records_without_content__are_no_end),
		KERNEL_TEST(wire_read__record_without_content_before_the_farewell__is_no_end),
		KERNEL_TEST_UP(wire_read__tickets__are_passed_over, set_up, 1),
		KERNEL_EACH(wire_read__what_is_no_data__comes_behind_the_data_and_is_answered,
			    set_up),
		KERNEL_EACH(wire_read__forged_record__is_told_to_the_peer, set_up),
		KERNEL_EACH(wire_read__record_too_long__is_told_to_the_peer, set_up),
		KERNEL_EACH(wire_read__other_version__is_told_to_the_peer, set_up),
		KERNEL_TEST(wire_read__half_a_record_then_fin__is_truncation),
		KERNEL_TEST(wire_read__reset__comes_behind_the_data),
		KERNEL_EACH(wire_read__only_on_edges__misses_nothing, set_up),
	};

	return run_kernel(tests, COUNT(tests));
}
