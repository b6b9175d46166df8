// SPDX-License-Identifier: GPL-2.0-or-later
// What becomes of answered associations while many sessions are in use.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "udp_bed.h"

#define SERVER "198.51.100.7"
#define MANY   12
#define LIMIT  16 /* 4 are few */

static unsigned n_parted;
static int sends_meanwhile; /* a client's socket, or -1 */

static void part(struct outbound *o)
{
	(void)o;
	n_parted++;
	if (sends_meanwhile >= 0)
		assert_int_equal(send(sends_meanwhile, "more", 4, 0), 4);
	sends_meanwhile = -1;
}

static int set_up(void **state)
{
	static struct outbound_ops ops;
	struct udp_bed *b = udp_bed_new();

	b->config.limits.udp_sessions = LIMIT;
	ops = *b->outbound[0][0].ops;
	ops.part = part;
	b->outbound[0][0].ops = &ops;
	n_parted = 0;
	sends_meanwhile = -1;
	*state = b;
	return 0;
}

/* A question of each client, 10 ms after another, and its answer. */
static void ask_all(struct udp_bed *b, int fd[], int n)
{
	for (int i = 0; i < n; i++) {
		clock_freeze_ms(clock_now_ms() + 10);
		udp_bed_exchange(b, fd[i], "x");
	}
}

static void open_all(struct udp_bed *b, int fd[], int n)
{
	for (int i = 0; i < n; i++)
		fd[i] = udp_bed_client(b, SERVER);
}

static void close_all(int fd[], int n)
{
	for (int i = 0; i < n; i++)
		close(fd[i]);
}

static void many__answered_and_silent__few_are_left_two_seconds_later(void **state)
{
	struct udp_bed *b = *state;
	int fd[MANY];

	open_all(b, fd, MANY);
	ask_all(b, fd, MANY);
	assert_int_equal(b->n_fars, MANY);
	udp_bed_pass(b, 2000);
	assert_int_equal(b->n_fars, LIMIT / 4);
	assert_int_equal(n_parted, MANY - LIMIT / 4);
	udp_bed_pass(b, 30000);
	assert_int_equal(b->n_fars, LIMIT / 4);
	close_all(fd, MANY);
}

static void many__some_go__the_longest_silent_are_those(void **state)
{
	struct udp_bed *b = *state;
	int fd[MANY];

	open_all(b, fd, MANY);
	ask_all(b, fd, MANY);
	ask_all(b, fd, LIMIT / 4); /* the first are the last now */
	udp_bed_pass(b, 2000);
	assert_int_equal(b->n_fars, LIMIT / 4);
	ask_all(b, fd, LIMIT / 4);
	assert_int_equal(b->n_made, MANY);
	close_all(fd, MANY);
}

static void many__in_steady_use__all_stay(void **state)
{
	struct udp_bed *b = *state;
	int fd[MANY];

	open_all(b, fd, MANY);
	for (int i = 0; i < 20; i++) {
		ask_all(b, fd, MANY);
		clock_freeze_ms(clock_now_ms() + 600);
		loop_turn(b->workers[0].loop, 0);
	}
	assert_int_equal(b->n_made, MANY);
	assert_int_equal(n_parted, 0);
	close_all(fd, MANY);
}

static void many__a_new_one_comes__takes_the_place_of_the_longest_silent(void **state)
{
	struct udp_bed *b = *state;
	int fd[MANY + 1];

	open_all(b, fd, MANY + 1);
	ask_all(b, fd, MANY);
	clock_freeze_ms(clock_now_ms() + 950); /* the sockets' turn comes before the sweep's */
	udp_bed_exchange(b, fd[MANY], "x");
	assert_int_equal(b->n_made, MANY + 1);
	assert_int_equal(b->most_fars, MANY);
	close_all(fd, MANY + 1);
}

static void many__not_answered_yet__all_stay(void **state)
{
	struct udp_bed *b = *state;
	int fd[MANY];

	b->manner = UDP_BED_KEEPS;
	open_all(b, fd, MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(send(fd[i], "x", 1, 0), 1);
	udp_bed_settle(b);
	udp_bed_pass(b, 20000);
	assert_int_equal(b->n_fars, MANY);
	close_all(fd, MANY);
}

static void many__a_client_has_just_sent_more__it_stays(void **state)
{
	struct udp_bed *b = *state;
	char text[256], from[SOCKADDR_TEXT_MAX];
	int fd[MANY];

	open_all(b, fd, MANY);
	ask_all(b, fd, MANY);
	sends_meanwhile = fd[1]; /* whose turn it would be next */
	clock_freeze_ms(clock_now_ms() + 1500);
	udp_bed_settle(b);
	assert_string_equal(udp_bed_received(fd[1], text, from), "more");
	assert_int_equal(b->n_fars, LIMIT / 4);
	assert_int_equal(b->n_made, MANY);
	close_all(fd, MANY);
}

static void few__answered_and_silent__stay(void **state)
{
	struct udp_bed *b = *state;
	int fd[LIMIT / 4];

	open_all(b, fd, LIMIT / 4);
	ask_all(b, fd, LIMIT / 4);
	udp_bed_pass(b, 60000);
	assert_int_equal(b->n_fars, LIMIT / 4);
	assert_int_equal(n_parted, 0);
	close_all(fd, LIMIT / 4);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, set_up, udp_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(many__answered_and_silent__few_are_left_two_seconds_later),
		bed_test(many__some_go__the_longest_silent_are_those),
		bed_test(many__in_steady_use__all_stay),
		bed_test(many__a_new_one_comes__takes_the_place_of_the_longest_silent),
		bed_test(many__not_answered_yet__all_stay),
		bed_test(many__a_client_has_just_sent_more__it_stays),
		bed_test(few__answered_and_silent__stay),
	};

	return udp_bed_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : udp_bed_skip();
}
