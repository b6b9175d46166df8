// SPDX-License-Identifier: GPL-2.0-or-later
// Mail between threads: order, completeness, waking.
#include "ev/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define SENDERS 2
#define LETTERS 5000

struct office {
	struct loop *loop;
	struct mailbox *box;
	unsigned received;
	unsigned last[SENDERS];
	bool out_of_order;
};

struct letter {
	struct mail m;
	unsigned sender, number;
	struct letter *reply; /* sent from within receive() */
};

static void receive(struct mail *m, void *owner)
{
	struct letter *l = container_of(m, struct letter, m);
	struct office *o = owner;

	if (l->number != o->last[l->sender] + 1)
		o->out_of_order = true;
	o->last[l->sender] = l->number;
	o->received++;
	if (l->reply)
		mailbox_send(o->box, &l->reply->m);
	free(l);
}

static struct letter *letter_new(unsigned sender, unsigned number)
{
	struct letter *l = calloc(1, sizeof(*l));

	l->m.receive = receive;
	l->sender = sender;
	l->number = number;
	return l;
}

static int set_up(void **state)
{
	struct office *o = calloc(1, sizeof(*o));

	o->loop = loop_new();
	o->box = mailbox_new(o->loop, o);
	*state = o;
	return o->box ? 0 : -1;
}

static int tear_down(void **state)
{
	struct office *o = *state;

	mailbox_free(o->box);
	loop_free(o->loop);
	free(o);
	return 0;
}

static void mailbox_receive__loop_turns_no_more__all_that_is_there_arrives(void **state)
{
	struct office *o = *state;

	for (unsigned i = 1; i <= 3; i++)
		mailbox_send(o->box, &letter_new(0, i)->m);
	mailbox_receive(o->box);
	assert_int_equal(o->received, 3);
	assert_false(o->out_of_order);
	loop_turn(o->loop, 0); /* and not for the second time */
	assert_int_equal(o->received, 3);
}

static void mailbox_send__several__arrive_in_one_turn_in_order(void **state)
{
	struct office *o = *state;

	for (unsigned i = 1; i <= 5; i++)
		mailbox_send(o->box, &letter_new(0, i)->m);
	assert_int_equal(o->received, 0);
	loop_turn(o->loop, 0);
	assert_int_equal(o->received, 5);
	assert_false(o->out_of_order);
}

static void mailbox_send__after_a_delivery__wakes_again(void **state)
{
	struct office *o = *state;

	for (unsigned i = 1; i <= 3; i++) {
		mailbox_send(o->box, &letter_new(0, i)->m);
		loop_turn(o->loop, 0);
		assert_int_equal(o->received, i);
	}
}

static void mailbox_send__from_receive__arrives_in_the_next_turn(void **state)
{
	struct office *o = *state;
	struct letter *first = letter_new(0, 1);

	first->reply = letter_new(0, 2);
	mailbox_send(o->box, &first->m);
	loop_turn(o->loop, 0);
	assert_int_equal(o->received, 1);
	loop_turn(o->loop, 0);
	assert_int_equal(o->received, 2);
}

static void mailbox__nothing_sent__nothing_received(void **state)
{
	struct office *o = *state;

	loop_turn(o->loop, 0);
	assert_int_equal(o->received, 0);
}

static void mailbox_free__null__is_ignored(void **state)
{
	(void)state;
	mailbox_free(NULL);
}

static void mailbox_free__after_the_loop__is_safe(void **state)
{
	struct loop *l = loop_new();
	struct mailbox *mb = mailbox_new(l, NULL);

	(void)state;
	assert_non_null(mb);
	loop_free(l);
	mailbox_free(mb);
}

struct sender {
	struct mailbox *box;
	unsigned id;
};

static void *send_all(void *arg)
{
	struct sender *s = arg;

	for (unsigned i = 1; i <= LETTERS; i++)
		mailbox_send(s->box, &letter_new(s->id, i)->m);
	return NULL;
}

static void mailbox_send__from_threads__all_arrive_in_order_per_sender(void **state)
{
	struct office *o = *state;
	struct sender s[SENDERS];
	pthread_t t[SENDERS];
	unsigned in_vain = 0;

	for (unsigned i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){ .box = o->box, .id = i };
		assert_int_equal(pthread_create(&t[i], NULL, send_all, &s[i]), 0);
	}
	/* a lost wake-up shows as turns that wait in vain */
	while (o->received < SENDERS * LETTERS && in_vain < 10) {
		unsigned before = o->received;

		loop_turn(o->loop, 1000);
		in_vain += o->received == before;
	}
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(o->received, SENDERS * LETTERS);
	assert_false(o->out_of_order);
}

#define office_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		office_test(mailbox_send__several__arrive_in_one_turn_in_order),
		office_test(mailbox_receive__loop_turns_no_more__all_that_is_there_arrives),
		office_test(mailbox_send__after_a_delivery__wakes_again),
		office_test(mailbox_send__from_receive__arrives_in_the_next_turn),
		office_test(mailbox__nothing_sent__nothing_received),
		cmocka_unit_test(mailbox_free__null__is_ignored),
		cmocka_unit_test(mailbox_free__after_the_loop__is_safe),
		office_test(mailbox_send__from_threads__all_arrive_in_order_per_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
