// SPDX-License-Identifier: GPL-2.0-or-later
// One suite for every kind of wire: records, queueing, what is sent when, and how the peer's side
// ends.
#include "wire/wire.h"

#include <sys/epoll.h>

#include "wire_put.h"

static void wire_write__any_size__is_laid_out_in_full_records(void **state)
{
	static const size_t sizes[] = { 1,     3,     16383,  16384,  16385,
					32768, 65536, 100000, 262143, WIRE_WRITE_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		unsigned before = bed.n_records;

		assert_int_equal(put(sizes[i], WIRE_NOW), 0);
		far_until(&bed, written);
		check_records(before, sizes[i]);
	}
}

static void wire_write__several__each_starts_a_record(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 40; n++)
		assert_int_equal(put(n, n % 2 ? WIRE_LATER : WIRE_NOW), 0);
	far_until(&bed, written);
	if (!bed.ssl)
		return;
	assert_int_equal(bed.n_records, 40);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(bed.records[i], i + 1);
}

static void wire_write__nothing__makes_no_record(void **state)
{
	struct iovec iov = { pattern, 0 };

	(void)state;
	assert_int_equal(wire_write(bed.wire, &iov, 1, WIRE_NOW), 0);
	assert_int_equal(wire_queued(bed.wire), 0);
	assert_int_equal(put(5, WIRE_NOW), 0);
	far_until(&bed, 5);
	assert_true(bed.n_records <= 1);
}

static void wire_write__too_much__is_refused_whole(void **state)
{
	(void)state;
	assert_int_equal(put(WIRE_WRITE_MAX + 1, WIRE_NOW), -EMSGSIZE);
	assert_int_equal(wire_queued(bed.wire), 0);
	assert_int_equal(put(10, WIRE_NOW), 0);
	far_until(&bed, 10);
}

static void wire_write__later__waits_for_the_flush(void **state)
{
	(void)state;
	assert_int_equal(put(100, WIRE_LATER), 0);
	assert_int_equal(put(100, WIRE_LATER), 0);
	assert_true(wire_queued(bed.wire) >= 200);
	far_wait(&bed);
	assert_int_equal(bed.got, 0);
	assert_int_equal(wire_flush(bed.wire), 0);
	assert_int_equal(wire_queued(bed.wire), 0);
	far_wait(&bed);
	assert_int_equal(bed.got, 200);
}

static void wire_write__now__takes_what_waits_along_in_order(void **state)
{
	(void)state;
	assert_int_equal(put(100, WIRE_LATER), 0);
	assert_int_equal(put(50, WIRE_NOW), 0);
	assert_int_equal(wire_queued(bed.wire), 0);
	far_wait(&bed);
	assert_int_equal(bed.got, 150);
}

static void wire_write__now__is_on_its_way_without_a_flush(void **state)
{
	(void)state;
	assert_int_equal(put(7, WIRE_NOW), 0);
	assert_int_equal(wire_queued(bed.wire), 0);
	far_wait(&bed);
	assert_int_equal(bed.got, 7);
}

static void wire_write__much_for_later__goes_at_once(void **state)
{
	(void)state;
	assert_int_equal(put(65536, WIRE_LATER), 0);
	far_wait(&bed);
	assert_true(bed.got > 0);
	far_until(&bed, 65536);
}

static void wire_write__peer_takes_nothing__queues_in_order(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(put(WIRE_WRITE_MAX, i % 2 ? WIRE_NOW : WIRE_LATER), 0);
	assert_true(wire_queued(bed.wire) > WIRE_WRITE_MAX);
	assert_int_equal(wire_flush(bed.wire), -EAGAIN);
	far_until(&bed, written);
	assert_int_equal(wire_flush(bed.wire), 0);
	check_records(0, 8 * WIRE_WRITE_MAX);
	assert_int_equal(wire_queued(bed.wire), 0);
}

static void wire_free__with_a_queue__releases_it(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(put(WIRE_WRITE_MAX, WIRE_NOW), 0);
	assert_true(wire_queued(bed.wire) > 0);
	wire_free(bed.wire);
	bed.wire = NULL;
	wire_free(NULL);
	wire_abort(NULL);
	assert_int_equal(bed.pool.bytes_out, 0);
}

static void wire_shutdown__with_a_queue__ends_behind_it_and_reads_on(void **state)
{
	int err;

	(void)state;
	assert_int_equal(put(WIRE_WRITE_MAX, WIRE_NOW), 0);
	assert_int_equal(put(WIRE_WRITE_MAX, WIRE_NOW), 0);
	assert_true(wire_queued(bed.wire) > 0);
	err = wire_shutdown(bed.wire);
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(put(1, WIRE_NOW), -EPIPE);
	for (int i = 0; i < 2000 && !bed.fin; i++) {
		err = wire_flush(bed.wire);
		assert_true(err == 0 || err == -EAGAIN);
		far_wait(&bed);
	}
	assert_true(bed.fin);
	assert_int_equal(bed.err, 0);
	assert_int_equal(bed.got, written);
	assert_int_equal(bed.notified, bed.ssl != NULL);
	assert_int_equal(wire_end(bed.wire), WIRE_OPEN);
	far_write(&bed, 0, 500);
	near_until(&bed, 0, 500);
	shutdown(bed.far, SHUT_WR);
	assert_int_equal(near_read(&bed), 0);
}

static void wire_shutdown__twice__notifies_once(void **state)
{
	(void)state;
	assert_int_equal(put(10, WIRE_LATER), 0);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_wait(&bed);
	far_wait(&bed);
	assert_true(bed.fin);
	assert_int_equal(bed.got, 10);
	assert_int_equal(bed.notified, bed.ssl != NULL);
}

static void wait_for_state(int fd, int state)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	for (int i = 0; i < 5000 && info.tcpi_state != state; i++) {
		poll(NULL, 0, 1);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	}
	assert_int_equal(info.tcpi_state, state);
}

/* An edge for each flush would keep a loop that flushes on edges busy until the peer closes. */
static void wire_flush__after_the_fin__makes_no_edge(void **state)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	(void)state;
	assert_int_equal(wire_shutdown(bed.wire), 0);
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, wire_fd(bed.wire), &ev), 0);
	assert_int_equal(epoll_wait(ep, &ev, 1, 1000), 1);
	far_wait(&bed); /* the peer's ACK of the FIN may make one more */
	wait_for_state(wire_fd(bed.wire), TCP_FIN_WAIT2);
	while (epoll_wait(ep, &ev, 1, 0) > 0)
		;
	assert_int_equal(wire_flush(bed.wire), 0);
	assert_int_equal(epoll_wait(ep, &ev, 1, 50), 0);
	close(ep);
}

static void wire_read__nothing_there__is_eagain(void **state)
{
	(void)state;
	assert_int_equal(wire_read(bed.wire, bed.in), -EAGAIN);
	assert_int_equal(wire_end(bed.wire), WIRE_OPEN);
}

static void wire_read__a_mebibyte__is_byte_exact(void **state)
{
	uint64_t at = 0;

	(void)state;
	for (int i = 0; i < 64; i++, at += 16384) {
		far_write(&bed, at, 16384 - (size_t)i * 100);
		near_until(&bed, at, 16384 - (uint64_t)i * 100);
		at -= (uint64_t)i * 100;
	}
}

/* Many records received at once come out by one read. */
static void wire_read__many_small_records__come_together(void **state)
{
	(void)state;
	if (!bed.ssl)
		return;
	far_write(&bed, 0, 10);
	near_until(&bed, 0, 10);
	for (uint64_t at = 10; at < 110; at++) {
		uint8_t byte = bed_byte(at, 1);

		assert_int_equal(SSL_write(bed.ssl, &byte, 1), 1);
	}
	far_flush(&bed); /* one segment */
	assert_int_equal(near_read(&bed), 100);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(bed.in[i], bed_byte(10 + i, 1));
}

/* Whether a login is one is decided by the first record (protocol notes 1.3). */
static void wire_read__first_of_a_tls_server__is_one_record(void **state)
{
	(void)state;
	if (!bed.ssl || bed.kind->client)
		return;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(SSL_write(bed.ssl, "0123456789", 10), 10);
	far_flush(&bed); /* one segment */
	assert_int_equal(near_read(&bed), 10);
	assert_int_equal(near_read(&bed), 20);
}

static void wire_read__key_update_before_the_first_data__is_no_first_record(void **state)
{
	(void)state;
	if (bed.kind->version != TLS1_3_VERSION || bed.kind->client)
		return;
	assert_true(SSL_key_update(bed.ssl, SSL_KEY_UPDATE_NOT_REQUESTED));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(SSL_write(bed.ssl, "0123456789", 10), 10);
	far_flush(&bed);
	assert_int_equal(near_read(&bed), 10);
	assert_int_equal(near_read(&bed), 20);
}

static void wire_read__single_bytes__become_whole_records(void **state)
{
	uint8_t raw[1024], p[300];
	size_t n = sizeof(p);

	(void)state;
	for (size_t i = 0; i < n; i++)
		p[i] = bed_byte(i, 1);
	memcpy(raw, p, n);
	if (bed.ssl) {
		assert_int_equal(SSL_write(bed.ssl, p, (int)n), n);
		n = (size_t)BIO_read(SSL_get_wbio(bed.ssl), raw, sizeof(raw));
		for (size_t i = 0; i + 1 < n; i++) {
			assert_int_equal(send(bed.far, raw + i, 1, 0), 1);
			assert_int_equal(wire_read(bed.wire, bed.in), -EAGAIN);
		}
		assert_int_equal(send(bed.far, raw + n - 1, 1, 0), 1);
	} else {
		assert_int_equal(send(bed.far, raw, n, 0), n);
	}
	near_until(&bed, 0, sizeof(p));
}

static void check_end(enum wire_end want)
{
	assert_int_equal(near_read(&bed), 0);
	assert_int_equal(wire_end(bed.wire), want);
	assert_int_equal(wire_read(bed.wire, bed.in), 0);
	assert_int_equal(wire_end(bed.wire), want);
}

static void wire_end__close_notify__comes_after_the_data(void **state)
{
	(void)state;
	far_write(&bed, 0, 1000);
	if (bed.ssl) {
		SSL_shutdown(bed.ssl);
		far_flush(&bed);
	}
	shutdown(bed.far, SHUT_WR);
	poll(NULL, 0, 5);
	near_until(&bed, 0, 1000);
	check_end(WIRE_CLOSED);
	/* our own direction is still open */
	assert_int_equal(put(100, WIRE_NOW), 0);
	far_wait(&bed);
	if (!bed.ssl)
		assert_int_equal(bed.got, 100);
}

static void wire_end__fin_alone__is_truncation_where_tls_is(void **state)
{
	(void)state;
	far_write(&bed, 0, 1000);
	shutdown(bed.far, SHUT_WR);
	poll(NULL, 0, 5);
	near_until(&bed, 0, 1000);
	check_end(bed.ssl ? WIRE_TRUNCATED : WIRE_CLOSED);
}

static void wire_end__rst__is_reset(void **state)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };
	int err = 0;

	(void)state;
	setsockopt(bed.far, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(bed.far);
	bed.far = -1;
	check_end(WIRE_RESET);
	for (int i = 0; i < 3 && !err; i++)
		err = put(10, WIRE_NOW);
	assert_true(err == -EPIPE || err == -ECONNRESET);
}

static void wire_end__bad_record__is_reset_after_the_data(void **state)
{
	static const uint8_t bad[] = { 23, 3,  3,  0,  40, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
				       11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
				       26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40 };

	(void)state;
	if (!bed.ssl)
		return;
	far_write(&bed, 0, 1000);
	assert_int_equal(send(bed.far, bad, sizeof(bad), 0), sizeof(bad));
	poll(NULL, 0, 5);
	near_until(&bed, 0, 1000);
	check_end(WIRE_RESET);
	assert_int_equal(wire_shutdown(bed.wire), 0);
	far_wait(&bed);
	far_wait(&bed);
	assert_true(bed.fin);
	assert_false(bed.notified); /* an alert, not a farewell */
}

static void wire_end__half_a_record__is_truncation(void **state)
{
	static const uint8_t half[] = { 23, 3, 3, 0, 40, 1, 2, 3 };

	(void)state;
	if (!bed.ssl)
		return;
	assert_int_equal(send(bed.far, half, sizeof(half), 0), sizeof(half));
	shutdown(bed.far, SHUT_WR);
	check_end(WIRE_TRUNCATED);
}

static void wire_abort__far_end__sees_a_reset(void **state)
{
	(void)state;
	assert_int_equal(put(10, WIRE_LATER), 0);
	wire_abort(bed.wire);
	bed.wire = NULL;
	far_wait(&bed);
	assert_int_equal(bed.err, ECONNRESET);
}

static void wire_read__key_update_asked_for__is_answered(void **state)
{
	(void)state;
	if (bed.kind->version != TLS1_3_VERSION || !wire_bed_rekeys(&bed))
		return;
	for (uint64_t i = 0; i < 5; i++) {
		assert_true(SSL_key_update(bed.ssl, SSL_KEY_UPDATE_REQUESTED));
		far_write(&bed, i * 100, 100);
		near_until(&bed, i * 100, 100);
		assert_int_equal(put(300, WIRE_NOW), 0);
		far_until(&bed, written);
	}
}

static void wire_describe__names_the_kind(void **state)
{
	static const char *const want[] = { "plain", "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256",
					    "TLSv1.3 TLS_" };
	const char *text = wire_describe(bed.wire);
	ptrdiff_t kind = bed.kind - wire_kinds;

	(void)state;
	assert_non_null(strstr(text, bed.kind->suites ? bed.kind->suites : want[kind]));
}

int main(void)
{
	struct CMUnitTest tests[] = {
		TEST(wire_write__any_size__is_laid_out_in_full_records),
		TEST(wire_write__several__each_starts_a_record),
		TEST(wire_write__nothing__makes_no_record),
		TEST(wire_write__too_much__is_refused_whole),
		TEST(wire_write__later__waits_for_the_flush),
		TEST(wire_write__now__takes_what_waits_along_in_order),
		TEST(wire_write__now__is_on_its_way_without_a_flush),
		TEST(wire_write__much_for_later__goes_at_once),
		EACH(wire_write__peer_takes_nothing__queues_in_order, set_up_tiny),
		EACH(wire_free__with_a_queue__releases_it, set_up_tiny),
		EACH(wire_shutdown__with_a_queue__ends_behind_it_and_reads_on, set_up_tiny),
		TEST(wire_shutdown__twice__notifies_once),
		TEST(wire_flush__after_the_fin__makes_no_edge),
		TEST(wire_read__nothing_there__is_eagain),
		TEST(wire_read__a_mebibyte__is_byte_exact),
		TEST(wire_read__many_small_records__come_together),
		TEST(wire_read__first_of_a_tls_server__is_one_record),
		TEST(wire_read__key_update_before_the_first_data__is_no_first_record),
		TEST(wire_read__single_bytes__become_whole_records),
		TEST(wire_end__close_notify__comes_after_the_data),
		TEST(wire_end__fin_alone__is_truncation_where_tls_is),
		TEST(wire_end__rst__is_reset),
		TEST(wire_end__bad_record__is_reset_after_the_data),
		TEST(wire_end__half_a_record__is_truncation),
		TEST(wire_abort__far_end__sees_a_reset),
		TEST(wire_read__key_update_asked_for__is_answered),
		TEST(wire_describe__names_the_kind),
	};

	return run_kinds(tests, COUNT(tests));
}
