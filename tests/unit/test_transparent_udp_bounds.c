// SPDX-License-Identifier: GPL-2.0-or-later
// How long captured flows last, and what goes when there are too many.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "udp_bed.h"

#define SERVER	"198.51.100.7"
#define ANOTHER "203.0.113.9"

static void let_go(struct udp_bed *b, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	udp_bed_settle(b);
}

static void flow__without_an_answer__ends_after_30_s(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER);

	b->manner = UDP_BED_KEEPS;
	let_go(b, fd, "x");
	udp_bed_pass(b, 29000);
	assert_int_equal(b->program.n_udp_flows, 1);
	udp_bed_pass(b, 2000);
	assert_int_equal(b->program.n_udp_flows, 0);
	assert_int_equal(b->n_fars, 0);
	close(fd);
}

static void flow__that_was_answered__ends_after_120_s_of_silence(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER);

	udp_bed_exchange(b, fd, "x");
	udp_bed_pass(b, 119000);
	udp_bed_exchange(b, fd, "y");
	udp_bed_pass(b, 119000);
	assert_int_equal(b->program.n_udp_flows, 1);
	udp_bed_pass(b, 2000);
	assert_int_equal(b->program.n_udp_flows, 0);
	close(fd);
}

static void flow__udp_timeout_is_shorter__ends_after_that(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER);

	b->inbound.udp_timeout_ms = 10000;
	udp_bed_exchange(b, fd, "x");
	udp_bed_pass(b, 9000);
	assert_int_equal(b->program.n_udp_flows, 1);
	udp_bed_pass(b, 2000);
	assert_int_equal(b->program.n_udp_flows, 0);
	close(fd);
}

static void flow__to_port_53__ends_5_s_after_its_answer(void **state)
{
	struct udp_bed *b = udp_bed_new_at(53);
	int fd = udp_bed_client(b, SERVER);

	(void)state;
	b->manner = UDP_BED_KEEPS;
	let_go(b, fd, "question");
	udp_bed_pass(b, 20000);
	assert_int_equal(b->program.n_udp_flows, 1);
	udp_bed_answer(udp_bed_last_far(b), SERVER, 53, "answer");
	udp_bed_pass(b, 4000);
	assert_int_equal(b->program.n_udp_flows, 1);
	udp_bed_pass(b, 2000);
	assert_int_equal(b->program.n_udp_flows, 0);
	close(fd);
	udp_bed_free(b);
}

static void flow__one_of_two_ends__the_association_stays(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client_open(UDP_BED_CLIENT4);

	udp_bed_send_to(b, fd, SERVER, "x");
	udp_bed_settle(b);
	udp_bed_pass(b, 60000);
	udp_bed_send_to(b, fd, ANOTHER, "y");
	udp_bed_settle(b);
	udp_bed_pass(b, 61000);
	assert_int_equal(b->program.n_udp_flows, 1);
	assert_int_equal(b->n_fars, 1);
	assert_int_equal(b->n_made, 1);
	close(fd);
}

static void flows__over_the_limit__the_least_used_that_has_its_answer_goes(void **state)
{
	struct udp_bed *b = *state;
	int fd[3];

	b->config.limits.udp_flows = 2;
	for (int i = 0; i < 3; i++)
		fd[i] = udp_bed_client(b, SERVER);
	udp_bed_exchange(b, fd[0], "one");
	clock_freeze_ms(clock_now_ms() + 10);
	udp_bed_exchange(b, fd[1], "two");
	clock_freeze_ms(clock_now_ms() + 10);
	udp_bed_exchange(b, fd[0], "one again");
	clock_freeze_ms(clock_now_ms() + 10);
	udp_bed_exchange(b, fd[2], "three"); /* in place of fd[1]'s */
	assert_int_equal(b->program.n_udp_flows, 2);
	assert_int_equal(b->n_made, 3);
	udp_bed_exchange(b, fd[0], "one once more");
	assert_int_equal(b->n_made, 3);
	assert_int_equal(b->workers[0].counters.udp_evicted, 1);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

static void flows__over_the_limit_and_none_may_go__waits_until_one_is_silent(void **state)
{
	struct udp_bed *b = *state;
	int one = udp_bed_client(b, SERVER), two = udp_bed_client(b, SERVER);

	b->config.limits.udp_flows = 1;
	b->manner = UDP_BED_KEEPS;
	let_go(b, one, "x");
	let_go(b, two, "y");
	assert_int_equal(b->n_made, 1);
	clock_freeze_ms(clock_now_ms() + 1000); /* silent for long enough */
	udp_bed_settle(b);
	assert_int_equal(b->n_made, 2);
	assert_int_equal(b->n_fars, 1);
	assert_int_equal(b->workers[0].counters.udp_dropped, 0);
	close(one);
	close(two);
}

static void flows__over_the_limit_and_none_goes_for_2_s__the_datagram_is_dropped(void **state)
{
	struct udp_bed *b = *state;
	int one = udp_bed_client(b, SERVER), two = udp_bed_client(b, SERVER);

	b->config.limits.udp_flows = 1;
	b->manner = UDP_BED_KEEPS;
	let_go(b, one, "x");
	let_go(b, two, "y");
	for (int i = 0; i < 4; i++) {
		clock_freeze_ms(clock_now_ms() + 500);
		let_go(b, one, "x");
	}
	assert_int_equal(b->workers[0].counters.udp_dropped, 1);
	assert_int_equal(udp_bed_udp(b)->n_queue, 0);
	assert_int_equal(b->n_made, 1);
	close(one);
	close(two);
}

/* Every far side answers what it has not answered yet. */
static void answer_all(struct udp_bed *b)
{
	list_for_each (it, &b->fars) {
		struct udp_bed_far *f = container_of(it, struct udp_bed_far, in_bed);

		if (f->n_sent > 0)
			f->p.peer->ops->send(f->p.peer, &f->last_to, f->last, f->last_n);
		f->n_sent = 0;
	}
}

static void sessions__600_flows_at_once__wait_for_each_other_and_all_are_answered(void **state)
{
	enum { FLOWS = 600 };
	struct udp_bed *b = *state;
	unsigned answered = 0;
	int fds[FLOWS];
	char byte;

	b->config.limits.udp_sessions = 256;
	b->manner = UDP_BED_KEEPS;
	for (int i = 0; i < FLOWS; i++) {
		fds[i] = udp_bed_client(b, SERVER);
		assert_int_equal(send(fds[i], "x", 1, 0), 1);
	}
	for (int i = 0; i < FLOWS / DATAGRAMS_MAX + 1; i++)
		loop_turn(b->workers[0].loop, 0);
	assert_int_equal(b->n_fars, 256);
	assert_int_equal(udp_bed_udp(b)->n_queue, FLOWS - 256);
	for (int i = 0; i < 3; i++) {
		answer_all(b);
		udp_bed_settle(b);
	}
	for (int i = 0; i < FLOWS; i++) {
		answered += recv(fds[i], &byte, 1, MSG_DONTWAIT) == 1;
		close(fds[i]);
	}
	assert_int_equal(answered, FLOWS);
	assert_int_equal(b->most_fars, 256);
	assert_int_equal(b->workers[0].counters.udp_dropped, 0);
}

static void eviction__client_has_just_sent_more__another_one_goes(void **state)
{
	struct udp_bed *b = *state;
	int fd[3];
	char text[256], from[SOCKADDR_TEXT_MAX];

	b->config.limits.udp_sessions = 2;
	for (int i = 0; i < 3; i++)
		fd[i] = udp_bed_client(b, SERVER);
	udp_bed_exchange(b, fd[0], "one");
	clock_freeze_ms(clock_now_ms() + 10);
	udp_bed_exchange(b, fd[1], "two");
	clock_freeze_ms(clock_now_ms() + 10);
	send(fd[2], "three", 5, 0); /* is read first */
	send(fd[0], "one more", 8, 0);
	udp_bed_settle(b);
	assert_string_equal(udp_bed_received(fd[0], text, from), "one more");
	assert_string_equal(udp_bed_received(fd[2], text, from), "three");
	assert_int_equal(b->n_made, 3);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

static void flow__at_the_limit_of_one_that_ends_its_association__a_new_one_is_made(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client_open(UDP_BED_CLIENT4);

	b->config.limits.udp_flows = 1;
	udp_bed_send_to(b, fd, SERVER, "x");
	udp_bed_settle(b);
	udp_bed_send_to(b, fd, ANOTHER, "y");
	udp_bed_settle(b);
	assert_int_equal(b->workers[0].counters.udp_dropped, 0);
	assert_int_equal(b->n_made, 2);
	assert_int_equal(b->n_fars, 1);
	close(fd);
}

static void sessions__2000_short_flows__never_more_than_the_limit_and_all_answered(void **state)
{
	enum { FLOWS = 2000 };
	struct udp_bed *b = *state;
	unsigned answered = 0;

	b->config.limits.udp_sessions = 256;
	for (int i = 0; i < FLOWS; i++) {
		char text[256], from[SOCKADDR_TEXT_MAX];
		int fd = udp_bed_client(b, SERVER);

		if (i % 100 == 0)
			clock_freeze_ms(clock_now_ms() + 10);
		assert_int_equal(send(fd, "x", 1, 0), 1);
		loop_turn(b->workers[0].loop, 0);
		answered += udp_bed_received(fd, text, from)[0] == 'x';
		close(fd);
	}
	assert_int_equal(answered, FLOWS);
	assert_true(b->most_fars <= 256);
	udp_bed_pass(b, 121000);
	assert_int_equal(b->n_fars, 0);
}

static void sessions__direct_outbound__are_not_counted(void **state)
{
	struct udp_bed *b = *state;
	int one = udp_bed_client(b, SERVER), two = udp_bed_client(b, SERVER);

	b->config.final_outbound = 1;
	b->config.limits.udp_sessions = 1;
	udp_bed_exchange(b, one, "x");
	udp_bed_exchange(b, two, "y");
	assert_int_equal(b->n_fars, 2);
	assert_int_equal(b->program.n_udp_sessions, 0);
	close(one);
	close(two);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, udp_bed_set_up, udp_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(flow__without_an_answer__ends_after_30_s),
		bed_test(flow__that_was_answered__ends_after_120_s_of_silence),
		bed_test(flow__udp_timeout_is_shorter__ends_after_that),
		cmocka_unit_test(flow__to_port_53__ends_5_s_after_its_answer),
		bed_test(flow__one_of_two_ends__the_association_stays),
		bed_test(flows__over_the_limit__the_least_used_that_has_its_answer_goes),
		bed_test(flows__over_the_limit_and_none_may_go__waits_until_one_is_silent),
		bed_test(flows__over_the_limit_and_none_goes_for_2_s__the_datagram_is_dropped),
		bed_test(sessions__600_flows_at_once__wait_for_each_other_and_all_are_answered),
		bed_test(eviction__client_has_just_sent_more__another_one_goes),
		bed_test(flow__at_the_limit_of_one_that_ends_its_association__a_new_one_is_made),
		bed_test(sessions__2000_short_flows__never_more_than_the_limit_and_all_answered),
		bed_test(sessions__direct_outbound__are_not_counted),
	};

	return udp_bed_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : udp_bed_skip();
}
