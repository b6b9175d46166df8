// SPDX-License-Identifier: GPL-2.0-or-later
// Captured DNS questions: whose answer is whose, and what is none.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/dns_hijack_impl.h"
#include "base/clock.h"
#include "udp_bed.h"

#define RESOLVER "9.9.9.9"
#define ASKED4	 "198.51.100.53"
#define ASKED6	 "2001:db8::53"

/* A message with one question, "X.org A". */
struct message {
	uint8_t p[64];
	size_t n;
};

static struct message message(uint16_t id, bool response, char name)
{
	const uint8_t p[] = { (uint8_t)(id >> 8),
			      (uint8_t)id,
			      response ? 0x81 : 1,
			      0,
			      0,
			      1,
			      0,
			      0,
			      0,
			      0,
			      0,
			      0,
			      1,
			      (uint8_t)name,
			      3,
			      'o',
			      'r',
			      'g',
			      0,
			      0,
			      1,
			      0,
			      1 };
	struct message m = { .n = sizeof(p) };

	memcpy(m.p, p, sizeof(p));
	return m;
}

static int set_up(void **state)
{
	struct udp_bed *b = udp_bed_new_hijack(RESOLVER);

	b->manner = UDP_BED_KEEPS;
	*state = b;
	return 0;
}

static void ask(struct udp_bed *b, int fd, uint16_t id, char name)
{
	struct message m = message(id, false, name);

	assert_int_equal(send(fd, m.p, m.n, 0), m.n);
	udp_bed_settle(b);
}

/* The id under which the last question went on. */
static uint16_t sent_id(struct udp_bed *b)
{
	const uint8_t *p = udp_bed_last_far(b)->last;

	return (uint16_t)(p[0] << 8 | p[1]);
}

static void answer_from(struct udp_bed *b, const char *ip, const struct message *m)
{
	struct packets *near = udp_bed_last_far(b)->p.peer;
	struct addr a;

	assert_int_equal(addr_from_host(ip, strlen(ip), 53, &a), 0);
	near->ops->send(near, &a, m->p, m->n);
}

static void answer(struct udp_bed *b, uint16_t id, char name)
{
	struct message m = message(id, true, name);

	answer_from(b, RESOLVER, &m);
}

static void assert_answered(int fd, uint16_t id, char name, const char *by)
{
	struct message want = message(id, true, name);
	char text[256], from[SOCKADDR_TEXT_MAX];

	udp_bed_received(fd, text, from);
	assert_string_equal(from, by);
	assert_memory_equal(text, want.p, want.n);
}

static void assert_unanswered(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
}

static void hijack__question__goes_to_the_resolver_and_the_asked_one_answers(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);
	char text[ADDR_TEXT_MAX];

	ask(b, fd, 0x1111, 'a');
	assert_string_equal(addr_text(&udp_bed_last_far(b)->last_to, text), RESOLVER ":53");
	answer(b, sent_id(b), 'a');
	assert_answered(fd, 0x1111, 'a', ASKED4 ":53");
	close(fd);
}

static void hijack__question_over_ipv6__the_asked_one_answers(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED6);

	ask(b, fd, 0x1111, 'a');
	answer(b, sent_id(b), 'a');
	assert_answered(fd, 0x1111, 'a', "[" ASKED6 "]:53");
	close(fd);
}

static void hijack__raw_sockets_are_refused__answers_come_all_the_same(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);

	udp_bed_udp(b)->as4 = -2;
	ask(b, fd, 0x1111, 'a');
	answer(b, sent_id(b), 'a');
	assert_answered(fd, 0x1111, 'a', ASKED4 ":53");
	close(fd);
}

static void hijack__two_clients_with_one_id__each_gets_its_own_answer(void **state)
{
	struct udp_bed *b = *state;
	int one = udp_bed_client(b, ASKED4), two = udp_bed_client(b, ASKED4);
	uint16_t first, second;

	ask(b, one, 7, 'a');
	first = sent_id(b);
	ask(b, two, 7, 'b');
	second = sent_id(b);
	assert_int_not_equal(first, second);
	answer(b, second, 'b');
	answer(b, first, 'a');
	assert_answered(one, 7, 'a', ASKED4 ":53");
	assert_answered(two, 7, 'b', ASKED4 ":53");
	assert_int_equal(b->n_made, 1);
	assert_int_equal(b->program.n_udp_flows, 0);
	close(one);
	close(two);
}

static void hijack__answer_to_nothing_that_was_asked__is_dropped(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);
	struct message m;
	uint16_t id;

	ask(b, fd, 7, 'a');
	id = sent_id(b);
	answer(b, (uint16_t)(id + 1), 'a');
	answer(b, id, 'b');
	answer(b, id, 'A');
	m = message(id, false, 'a');
	answer_from(b, RESOLVER, &m);
	m = message(id, true, 'a');
	answer_from(b, "9.9.9.10", &m);
	m.n = 11;
	answer_from(b, RESOLVER, &m);
	assert_int_equal(udp_bed_dropped(b), 6);
	assert_unanswered(fd);
	answer(b, id, 'a');
	assert_answered(fd, 7, 'a', ASKED4 ":53");
	answer(b, id, 'a'); /* twice */
	assert_int_equal(udp_bed_dropped(b), 7);
	close(fd);
}

static void hijack__what_is_no_question__is_dropped(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);
	struct message m = message(7, true, 'a');

	send(fd, m.p, m.n, 0);
	send(fd, m.p, 11, 0);
	m = message(7, false, 'a');
	send(fd, m.p, m.n - 1, 0);
	udp_bed_settle(b);
	assert_int_equal(udp_bed_dropped(b), 3);
	assert_int_equal(b->n_made, 0);
	close(fd);
}

static void hijack__no_answer_for_5_s__is_forgotten_and_the_next_goes_another_way(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);
	uint16_t id;

	ask(b, fd, 7, 'a');
	id = sent_id(b);
	udp_bed_pass(b, 6000);
	assert_int_equal(udp_bed_dropped(b), 1);
	assert_int_equal(b->n_fars, 0);
	ask(b, fd, 8, 'b');
	assert_int_equal(b->n_made, 2);
	answer(b, id, 'a');
	assert_unanswered(fd);
	answer(b, sent_id(b), 'b');
	assert_answered(fd, 8, 'b', ASKED4 ":53");
	close(fd);
}

static void hijack__others_are_answered__the_way_stays(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);

	ask(b, fd, 7, 'a');
	udp_bed_pass(b, 1000);
	ask(b, fd, 8, 'b');
	answer(b, sent_id(b), 'b');
	udp_bed_pass(b, 6000);
	assert_int_equal(udp_bed_dropped(b), 1);
	assert_int_equal(b->n_fars, 1);
	close(fd);
}

static void hijack__the_way_breaks__the_next_question_makes_another(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);
	struct udp_bed_far *far;

	ask(b, fd, 7, 'a');
	far = udp_bed_last_far(b);
	packets_close_peer(&far->p);
	far->p.ops->close(&far->p);
	ask(b, fd, 8, 'b');
	answer(b, sent_id(b), 'b');
	assert_answered(fd, 8, 'b', ASKED4 ":53");
	close(fd);
}

static void hijack__4097_questions_wait__the_oldest_is_given_up(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);
	uint16_t first;

	ask(b, fd, 1, 'a');
	first = sent_id(b);
	for (int i = 0; i < 4096; i++) {
		struct message m = message(2, false, 'b');

		assert_int_equal(send(fd, m.p, m.n, 0), m.n);
		loop_turn(b->workers[0].loop, 0);
	}
	assert_int_equal(HASH_COUNT(udp_bed_udp(b)->dns->pending), 4096);
	assert_int_equal(udp_bed_dropped(b), 1);
	answer(b, first, 'a');
	assert_int_equal(udp_bed_dropped(b), 2);
	answer(b, sent_id(b), 'b');
	assert_answered(fd, 2, 'b', ASKED4 ":53");
	close(fd);
}

static void hijack__all_places_for_sessions_are_taken__questions_are_answered(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);

	b->config.limits.udp_sessions = 1;
	b->program.n_udp_sessions = 1;
	ask(b, fd, 7, 'a');
	answer(b, sent_id(b), 'a');
	assert_answered(fd, 7, 'a', ASKED4 ":53");
	assert_int_equal(b->program.n_udp_sessions, 1);
	b->program.n_udp_sessions = 0;
	close(fd);
}

static void hijack__outbound_refuses__is_dropped(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, ASKED4);

	b->refuses = true;
	ask(b, fd, 7, 'a');
	assert_int_equal(udp_bed_dropped(b), 1);
	assert_int_equal(b->n_made, 0);
	close(fd);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, set_up, udp_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(hijack__question__goes_to_the_resolver_and_the_asked_one_answers),
		bed_test(hijack__question_over_ipv6__the_asked_one_answers),
		bed_test(hijack__raw_sockets_are_refused__answers_come_all_the_same),
		bed_test(hijack__two_clients_with_one_id__each_gets_its_own_answer),
		bed_test(hijack__answer_to_nothing_that_was_asked__is_dropped),
		bed_test(hijack__what_is_no_question__is_dropped),
		bed_test(hijack__no_answer_for_5_s__is_forgotten_and_the_next_goes_another_way),
		bed_test(hijack__others_are_answered__the_way_stays),
		bed_test(hijack__the_way_breaks__the_next_question_makes_another),
		bed_test(hijack__4097_questions_wait__the_oldest_is_given_up),
		bed_test(hijack__all_places_for_sessions_are_taken__questions_are_answered),
		bed_test(hijack__outbound_refuses__is_dropped),
	};

	return udp_bed_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : udp_bed_skip();
}
