// SPDX-License-Identifier: GPL-2.0-or-later
// Captured datagrams of one worker: who gets which answer, and what else may send.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "udp_bed.h"

#define SERVER4	 "198.51.100.7"
#define ANOTHER4 "203.0.113.9"
#define SERVER6	 "2001:db8::7"

static void captured__ipv4__answer_comes_from_the_address_that_was_asked(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	char text[ADDR_TEXT_MAX], want[64];

	udp_bed_exchange(b, fd, "hello");
	snprintf(want, sizeof(want), SERVER4 ":%u", b->port);
	assert_string_equal(addr_text(&udp_bed_last_far(b)->last_to, text), want);
	close(fd);
}

static void captured__ipv6__answer_comes_from_the_address_that_was_asked(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER6);
	char text[ADDR_TEXT_MAX], want[64];

	udp_bed_exchange(b, fd, "hello");
	snprintf(want, sizeof(want), "[" SERVER6 "]:%u", b->port);
	assert_string_equal(addr_text(&udp_bed_last_far(b)->last_to, text), want);
	close(fd);
}

static void captured__empty_datagram__passes_both_ways(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	char byte;

	assert_int_equal(send(fd, "", 0, 0), 0);
	udp_bed_settle(b);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(udp_bed_last_far(b)->last_n, 0);
	close(fd);
}

static void captured__second_datagram__does_not_pass_the_listener(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);

	udp_bed_exchange(b, fd, "one");
	transparent_udp_drain(udp_bed_udp(b)); /* closes the listener */
	udp_bed_exchange(b, fd, "two");
	assert_int_equal(b->program.n_udp_flows, 1);
	close(fd);
}

static void captured__new_flow_after_drain__is_not_begun(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);

	transparent_udp_drain(udp_bed_udp(b));
	send(fd, "x", 1, 0);
	udp_bed_settle(b);
	assert_int_equal(b->n_made, 0);
	close(fd);
}

static void captured__several_before_the_first_turn__share_one_flow(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	char text[256], from[SOCKADDR_TEXT_MAX];

	for (int i = 0; i < 3; i++)
		assert_int_equal(send(fd, &"abc"[i], 1, 0), 1);
	udp_bed_settle(b);
	assert_int_equal(b->program.n_udp_flows, 1);
	assert_string_equal(udp_bed_received(fd, text, from), "a");
	assert_string_equal(udp_bed_received(fd, text, from), "b");
	assert_string_equal(udp_bed_received(fd, text, from), "c");
	close(fd);
}

static void captured__of_another_client_on_a_reply_socket__is_that_clients(void **state)
{
	struct udp_bed *b = *state;
	int one = udp_bed_client(b, SERVER4), two = udp_bed_client(b, SERVER4);
	char text[256], from[SOCKADDR_TEXT_MAX];
	union sockaddr_any client, dst = udp_bed_address(SERVER4, b->port);
	socklen_t len = sizeof(client);
	struct udp_flow *f;

	udp_bed_exchange(b, one, "one");
	assert_int_equal(getsockname(one, &client.sa, &len), 0);
	f = udp_flow_find(udp_bed_udp(b), &client, &dst);
	/* as between bind() and connect() */
	assert_int_equal(connect(f->watch.fd, &(struct sockaddr){ .sa_family = AF_UNSPEC },
				 sizeof(struct sockaddr)),
			 0);
	assert_int_equal(send(two, "two", 3, 0), 3);
	assert_int_equal(connect(f->watch.fd, &client.sa, len), 0);
	udp_bed_settle(b);
	assert_string_equal(udp_bed_received(two, text, from), "two");
	assert_string_equal(udp_bed_received(one, text, from), "");
	assert_int_equal(b->n_made, 2);
	close(one);
	close(two);
}

static void captured__two_destinations_of_one_port__share_an_association(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client_open(UDP_BED_CLIENT4);
	char text[256], from[SOCKADDR_TEXT_MAX], want[64];

	udp_bed_send_to(b, fd, SERVER4, "one");
	udp_bed_send_to(b, fd, ANOTHER4, "two");
	udp_bed_settle(b);
	assert_int_equal(b->n_made, 1);
	assert_int_equal(b->program.n_udp_flows, 2);
	assert_string_equal(udp_bed_received(fd, text, from), "one");
	snprintf(want, sizeof(want), SERVER4 ":%u", b->port);
	assert_string_equal(from, want);
	assert_string_equal(udp_bed_received(fd, text, from), "two");
	snprintf(want, sizeof(want), ANOTHER4 ":%u", b->port);
	assert_string_equal(from, want);
	close(fd);
}

static void answer__from_elsewhere__comes_from_there_and_may_be_answered(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client_open(UDP_BED_CLIENT4);
	char text[256], from[SOCKADDR_TEXT_MAX], got[ADDR_TEXT_MAX];
	union sockaddr_any there = udp_bed_address(ANOTHER4, 4444);
	struct udp_bed_far *far;

	udp_bed_send_to(b, fd, SERVER4, "one");
	udp_bed_settle(b);
	udp_bed_received(fd, text, from);
	far = udp_bed_last_far(b);
	udp_bed_answer(far, ANOTHER4, 4444, "surprise");
	assert_string_equal(udp_bed_received(fd, text, from), "surprise");
	assert_string_equal(from, ANOTHER4 ":4444");
	assert_int_equal(sendto(fd, "back", 4, 0, &there.sa, sockaddr_len(&there)), 4);
	udp_bed_settle(b);
	assert_string_equal(addr_text(&far->last_to, got), ANOTHER4 ":4444");
	assert_int_equal(b->n_made, 1);
	close(fd);
}

static void answer__from_an_address_of_this_machine__is_dropped(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);

	udp_bed_exchange(b, fd, "one");
	udp_bed_answer(udp_bed_last_far(b), UDP_BED_CLIENT4, 53, "forged");
	assert_int_equal(udp_bed_dropped(b), 1);
	assert_int_equal(b->program.n_udp_flows, 1);
	close(fd);
}

static void answer__from_where_nothing_is_captured__is_dropped(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	struct prefix lan;

	assert_int_equal(prefix_parse("192.168.0.0/16", 14, &lan), 0);
	prefix_list_add(&b->inbound.transparent.plan.bypass, &lan);
	udp_bed_exchange(b, fd, "one");
	udp_bed_answer(udp_bed_last_far(b), "192.168.1.1", 53, "forged");
	assert_int_equal(udp_bed_dropped(b), 1);
	prefix_list_done(&b->inbound.transparent.plan.bypass);
	close(fd);
}

static void answer__of_the_other_family_or_by_name_or_port_0__is_dropped(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);

	udp_bed_exchange(b, fd, "one");
	udp_bed_answer(udp_bed_last_far(b), SERVER6, 53, "x");
	udp_bed_answer(udp_bed_last_far(b), "example.org", 53, "x");
	udp_bed_answer(udp_bed_last_far(b), ANOTHER4, 0, "x");
	assert_int_equal(udp_bed_dropped(b), 3);
	close(fd);
}

static void answers__from_33_places_never_sent_to__the_oldest_place_goes(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);

	udp_bed_exchange(b, fd, "one");
	for (uint16_t i = 0; i < 33; i++)
		udp_bed_answer(udp_bed_last_far(b), ANOTHER4, (uint16_t)(1000 + i), "x");
	assert_int_equal(b->program.n_udp_flows, 1 + 32);
	assert_int_equal(udp_bed_dropped(b), 0);
	udp_bed_exchange(b, fd, "two");
	close(fd);
}

static void answer__a_service_here_has_its_port__comes_all_the_same(void **state)
{
	struct udp_bed *b = *state;
	union sockaddr_any any = udp_bed_address("0.0.0.0", 0);
	socklen_t len = sizeof(any);
	int service = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int open = udp_bed_client_open(UDP_BED_CLIENT4);
	char text[256], from[SOCKADDR_TEXT_MAX], want[64];

	assert_int_equal(bind(service, &any.sa, len), 0);
	assert_int_equal(getsockname(service, &any.sa, &len), 0);
	udp_bed_send_to(b, open, SERVER4, "one");
	udp_bed_settle(b);
	udp_bed_received(open, text, from);
	udp_bed_answer(udp_bed_last_far(b), ANOTHER4, sockaddr_port(&any), "two");
	assert_string_equal(udp_bed_received(open, text, from), "two");
	snprintf(want, sizeof(want), ANOTHER4 ":%u", sockaddr_port(&any));
	assert_string_equal(from, want);
	close(open);
	close(service);
}

static void captured__client_is_gone__its_flow_ends_with_the_next_answers(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);

	udp_bed_exchange(b, fd, "one");
	close(fd);
	udp_bed_answer(udp_bed_last_far(b), SERVER4, b->port, "late");
	udp_bed_settle(b);
	assert_int_equal(b->program.n_udp_flows, 0);
	assert_int_equal(b->n_fars, 0);
}

static void captured__in_fragments__passes_whole_both_ways(void **state)
{
	enum { LARGEST = 65507 };
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	uint8_t *p = malloc(LARGEST), *q = malloc(LARGEST + 1);

	for (int i = 0; i < LARGEST; i++)
		p[i] = (uint8_t)(i * 7 + i / 251);
	assert_int_equal(send(fd, p, LARGEST, 0), LARGEST);
	udp_bed_settle(b);
	assert_int_equal(recv(fd, q, LARGEST + 1, MSG_DONTWAIT), LARGEST);
	assert_memory_equal(p, q, LARGEST);
	free(p);
	free(q);
	close(fd);
}

/* Answers of these sizes in one turn; the first bytes tell them apart. */
static void answer_sizes(struct udp_bed *b, const size_t *sizes, uint8_t n)
{
	struct udp_bed_far *far = udp_bed_last_far(b);
	uint8_t data[4000] = { 0 };

	for (uint8_t i = 0; i < n; i++) {
		data[0] = i;
		far->p.peer->ops->send(far->p.peer, &far->last_to, data, sizes[i]);
	}
	udp_bed_settle(b);
}

static void assert_sizes(int fd, const size_t *sizes, uint8_t n)
{
	uint8_t data[4001];

	for (uint8_t i = 0; i < n; i++) {
		assert_int_equal(recv(fd, data, sizeof(data), MSG_DONTWAIT), sizes[i]);
		assert_true(sizes[i] == 0 || data[0] == i);
	}
	assert_int_equal(recv(fd, data, sizeof(data), MSG_DONTWAIT), -1);
}

static void answers__many_in_one_turn__each_comes_whole_and_in_order(void **state)
{
	static const struct {
		size_t sizes[6];
		uint8_t n;
	} runs[] = {
		{ { 100, 100, 100, 100, 100, 100 }, 6 },
		{ { 1200, 1200, 1200, 1200, 700 }, 5 },
		{ { 1200, 1200, 700, 700, 1200, 1200 }, 6 },
		{ { 100, 100, 0, 100, 100 }, 5 },
		{ { 1472, 1472, 1472 }, 3 },
		{ { 3000, 3000, 3000, 3000, 10 }, 5 }, /* not as a run */
		{ { 100, 100, 100 }, 3 },
	};
	static const char *const servers[] = { SERVER4, SERVER6 };
	struct udp_bed *b = *state;

	for (int s = 0; s < 2; s++) {
		int fd = udp_bed_client(b, servers[s]);

		udp_bed_exchange(b, fd, "x");
		for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
			answer_sizes(b, runs[i].sizes, runs[i].n);
			assert_sizes(fd, runs[i].sizes, runs[i].n);
		}
		close(fd);
	}
	assert_int_equal(udp_bed_dropped(b), 0);
}

static void answers__more_than_a_run_in_one_turn__all_come(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	size_t sizes[DATAGRAM_RUN + 20];

	for (int i = 0; i < DATAGRAM_RUN + 20; i++)
		sizes[i] = 400;
	udp_bed_exchange(b, fd, "x");
	answer_sizes(b, sizes, DATAGRAM_RUN + 20);
	assert_sizes(fd, sizes, DATAGRAM_RUN + 20);
	close(fd);
}

static void answers__flow_ends_in_the_same_turn__what_waits_is_dropped(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	struct udp_bed_far *far;

	udp_bed_exchange(b, fd, "x");
	far = udp_bed_last_far(b);
	for (int i = 0; i < 3; i++)
		far->p.peer->ops->send(far->p.peer, &far->last_to, (const uint8_t *)"abc", 3);
	packets_close_peer(&far->p);
	far->p.ops->close(&far->p);
	udp_bed_settle(b);
	assert_int_equal(b->workers[0].counters.udp_answered + udp_bed_dropped(b), 1 + 3);
	close(fd);
}

static void answers__client_is_gone__what_follows_the_refused_ones_is_dropped(void **state)
{
	static const size_t sizes[] = { 3, 3, 5, 9 }; /* the first two leave together */
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	struct udp_bed_far *far;

	udp_bed_exchange(b, fd, "x");
	close(fd);
	far = udp_bed_last_far(b);
	for (int i = 0; i < 4 && b->n_fars == 1; i++)
		far->p.peer->ops->send(far->p.peer, &far->last_to, (const uint8_t *)"abcdefghi",
				       sizes[i]);
	udp_bed_settle(b);
	assert_int_equal(b->program.n_udp_flows, 0);
	assert_int_equal(b->workers[0].counters.udp_answered, 1 + 2);
	assert_int_equal(udp_bed_dropped(b), 2);
}

static void captured__far_side_ends__the_next_datagram_makes_another(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	struct udp_bed_far *far;

	udp_bed_exchange(b, fd, "one");
	far = udp_bed_last_far(b);
	packets_close_peer(&far->p);
	far->p.ops->close(&far->p);
	udp_bed_settle(b);
	assert_int_equal(b->program.n_udp_flows, 0);
	udp_bed_exchange(b, fd, "two");
	assert_int_equal(b->n_made, 2);
	close(fd);
}

static void captured__outbound_refuses__datagram_is_dropped(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);

	b->refuses = true;
	assert_int_equal(send(fd, "x", 1, 0), 1);
	udp_bed_settle(b);
	assert_int_equal(udp_bed_dropped(b), 1);
	assert_int_equal(b->program.n_udp_flows, 0);
	assert_int_equal(b->program.n_udp_sessions, 0);
	close(fd);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, udp_bed_set_up, udp_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(captured__ipv4__answer_comes_from_the_address_that_was_asked),
		bed_test(captured__ipv6__answer_comes_from_the_address_that_was_asked),
		bed_test(captured__empty_datagram__passes_both_ways),
		bed_test(captured__second_datagram__does_not_pass_the_listener),
		bed_test(captured__new_flow_after_drain__is_not_begun),
		bed_test(captured__several_before_the_first_turn__share_one_flow),
		bed_test(captured__of_another_client_on_a_reply_socket__is_that_clients),
		bed_test(captured__two_destinations_of_one_port__share_an_association),
		bed_test(answer__from_elsewhere__comes_from_there_and_may_be_answered),
		bed_test(answer__from_an_address_of_this_machine__is_dropped),
		bed_test(answer__from_where_nothing_is_captured__is_dropped),
		bed_test(answer__of_the_other_family_or_by_name_or_port_0__is_dropped),
		bed_test(answers__from_33_places_never_sent_to__the_oldest_place_goes),
		bed_test(answer__a_service_here_has_its_port__comes_all_the_same),
		bed_test(captured__client_is_gone__its_flow_ends_with_the_next_answers),
		bed_test(captured__in_fragments__passes_whole_both_ways),
		bed_test(answers__many_in_one_turn__each_comes_whole_and_in_order),
		bed_test(answers__more_than_a_run_in_one_turn__all_come),
		bed_test(answers__flow_ends_in_the_same_turn__what_waits_is_dropped),
		bed_test(answers__client_is_gone__what_follows_the_refused_ones_is_dropped),
		bed_test(captured__far_side_ends__the_next_datagram_makes_another),
		bed_test(captured__outbound_refuses__datagram_is_dropped),
	};

	return udp_bed_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : udp_bed_skip();
}
