// SPDX-License-Identifier: GPL-2.0-or-later
// Datagrams that come to another worker than their client's.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "udp_bed.h"

#define SERVER "198.51.100.7"

static void turn(struct udp_bed *b)
{
	for (unsigned i = 0; i < b->n_workers; i++)
		loop_turn(b->workers[i].loop, 0);
}

static struct worker *worker_of(struct udp_bed *b, int fd)
{
	union sockaddr_any client;
	socklen_t len = sizeof(client);
	size_t n;
	const uint8_t *ip;

	assert_int_equal(getsockname(fd, &client.sa, &len), 0);
	ip = sockaddr_ip(&client, &n);
	return &b->workers[steer_worker(ip, n, sockaddr_port(&client), b->n_workers)];
}

static unsigned flows(struct udp_bed *b, unsigned worker)
{
	return HASH_COUNT(b->transparents[worker].udp->flows);
}

static void hand_over__datagrams_of_64_clients__are_with_the_worker_of_each(void **state)
{
	enum { CLIENTS = 64 };
	struct udp_bed *b = udp_bed_new_of(2);
	unsigned expected[2] = { 0 };
	int fds[CLIENTS];

	(void)state;
	for (int i = 0; i < CLIENTS; i++) {
		char text[256], from[SOCKADDR_TEXT_MAX];

		fds[i] = udp_bed_client(b, SERVER);
		expected[worker_of(b, fds[i])->id]++;
		assert_int_equal(send(fds[i], "x", 1, 0), 1);
		turn(b);
		turn(b);
		assert_string_equal(udp_bed_received(fds[i], text, from), "x");
	}
	for (unsigned w = 0; w < 2; w++) {
		assert_true(expected[w] > 0);
		assert_int_equal(flows(b, w), expected[w]);
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	udp_bed_free(b);
}

/* A client of worker 1 whose datagrams the kernel gives to worker 0. */
static int misled(struct udp_bed *b)
{
	for (;;) {
		int fd = udp_bed_client(b, SERVER);

		assert_int_equal(send(fd, "x", 1, 0), 1);
		loop_turn(b->workers[0].loop, 0);
		if (worker_of(b, fd) == &b->workers[1] && b->transparents[1].udp->n_handed == 1)
			return fd;
		turn(b);
		close(fd);
	}
}

static void hand_over__other_worker_is_busy__1024_wait_and_the_rest_is_dropped(void **state)
{
	struct udp_bed *b = udp_bed_new_of(2);
	int fd = misled(b);
	uint64_t before = b->workers[0].counters.udp_dropped;

	(void)state;
	for (int i = 1; i < 1030; i++) {
		assert_int_equal(send(fd, "x", 1, 0), 1);
		loop_turn(b->workers[0].loop, 0);
	}
	assert_int_equal(b->transparents[1].udp->n_handed, 1024);
	assert_int_equal(b->workers[0].counters.udp_dropped - before, 6);
	before = b->workers[1].counters.udp_captured;
	turn(b);
	assert_int_equal(b->transparents[1].udp->n_handed, 0);
	assert_int_equal(b->workers[1].counters.udp_captured - before, 1024);
	close(fd);
	udp_bed_free(b);
}

static void hand_over__to_a_worker_that_drains__is_dropped(void **state)
{
	struct udp_bed *b = udp_bed_new_of(2);
	int fd = misled(b);
	uint64_t before = b->workers[1].counters.udp_dropped;

	(void)state;
	transparent_udp_drain(b->transparents[1].udp);
	turn(b);
	assert_int_equal(b->workers[1].counters.udp_dropped - before, 1);
	close(fd);
	udp_bed_free(b);
}

static void hand_over__to_a_worker_that_ends__is_dropped_and_not_lost(void **state)
{
	struct udp_bed *b = udp_bed_new_of(2);
	int fd = misled(b);

	(void)state;
	b->workers[1].draining = true;
	mailbox_receive(b->workers[1].mailbox);
	assert_int_equal(b->transparents[1].udp->n_handed, 0);
	assert_int_equal(b->workers[1].counters.udp_dropped, 1);
	close(fd);
	udp_bed_free(b);
}

/* A client of that worker. */
static int client_of(struct udp_bed *b, unsigned worker)
{
	for (;;) {
		int fd = udp_bed_client(b, SERVER);

		if (worker_of(b, fd)->id == worker)
			return fd;
		close(fd);
	}
}

static void sessions__all_are_another_workers__one_of_them_goes(void **state)
{
	struct udp_bed *b = udp_bed_new_of(2);
	int fds[3] = { client_of(b, 0), client_of(b, 0), client_of(b, 1) };
	char text[256], from[SOCKADDR_TEXT_MAX];

	(void)state;
	b->config.limits.udp_sessions = 2;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(fds[i], "x", 1, 0), 1);
		turn(b);
		turn(b);
	}
	clock_freeze_ms(clock_now_ms() + 20);
	turn(b);
	assert_string_equal(udp_bed_received(fds[2], text, from), "x");
	assert_int_equal(flows(b, 0), 1);
	assert_int_equal(flows(b, 1), 1);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	udp_bed_free(b);
}

static void *run(void *loop)
{
	loop_run(loop);
	return NULL;
}

static void end(struct mail *m, void *worker)
{
	(void)m;
	loop_stop(((struct worker *)worker)->loop);
}

/* Twenty rounds of every client, each waiting for the answers of the round before. */
static unsigned exchange(const int *fds, int n)
{
	unsigned answered = 0;

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < n; i++)
			assert_int_equal(send(fds[i], "x", 1, 0), 1);
		for (int i = 0; i < n; i++) {
			struct pollfd p = { .fd = fds[i], .events = POLLIN };
			char byte;

			answered += poll(&p, 1, 5000) == 1 && recv(fds[i], &byte, 1, 0) == 1;
		}
	}
	return answered;
}

static void hand_over__between_threads__every_datagram_is_answered(void **state)
{
	enum { CLIENTS = 50 };
	struct udp_bed *b = udp_bed_new_of(2);
	struct mail last[2];
	int fds[CLIENTS];
	unsigned answered;

	(void)state;
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = udp_bed_client(b, SERVER);
	for (int i = 0; i < 2; i++)
		pthread_create(&b->workers[i].thread, NULL, run, b->workers[i].loop);
	answered = exchange(fds, CLIENTS);
	for (int i = 0; i < 2; i++) {
		last[i].receive = end;
		mailbox_send(b->workers[i].mailbox, &last[i]);
		pthread_join(b->workers[i].thread, NULL);
	}
	assert_int_equal(answered, 20 * CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	udp_bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hand_over__datagrams_of_64_clients__are_with_the_worker_of_each),
		cmocka_unit_test(
			hand_over__other_worker_is_busy__1024_wait_and_the_rest_is_dropped),
		cmocka_unit_test(hand_over__to_a_worker_that_drains__is_dropped),
		cmocka_unit_test(hand_over__to_a_worker_that_ends__is_dropped_and_not_lost),
		cmocka_unit_test(sessions__all_are_another_workers__one_of_them_goes),
		cmocka_unit_test(hand_over__between_threads__every_datagram_is_answered),
	};

	return udp_bed_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : udp_bed_skip();
}
