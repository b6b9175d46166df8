// SPDX-License-Identifier: GPL-2.0-or-later
// The stream table: every row, and the rules of the protocol that no row may break.
#include "core/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DO(x)	 STREAM_DO_##x
#define REFUSED	 (DO(SYNACK_ERROR) | DO(FIN) | DO(FORGET))

static const enum stream_state client_states[] = { STREAM_OPENING, STREAM_OPEN, STREAM_LINGER };

static unsigned step(enum stream_state from, enum stream_event ev, enum stream_state *ret_to,
		     bool *ret_legal)
{
	*ret_to = from;
	return stream_step(ret_to, ev, ret_legal);
}

static void stream_step__unexpected_event__changes_nothing(void **state)
{
	unsigned n_legal = 0;

	(void)state;
	for (int s = 0; s < STREAM_STATES; s++) {
		for (int ev = 0; ev < STREAM_EVENTS; ev++) {
			enum stream_state to;
			bool legal;
			unsigned todo = step(s, ev, &to, &legal);

			n_legal += legal;
			if (!legal) {
				assert_int_equal(to, s);
				assert_int_equal(todo, 0);
			}
		}
	}
	assert_true(n_legal > 0 && n_legal < STREAM_STATES * STREAM_EVENTS);
}

static void stream_step__no_place_for_legal__is_the_same(void **state)
{
	enum stream_state s = STREAM_OPENING;

	(void)state;
	assert_int_equal(stream_step(&s, STREAM_EV_SYNACK, NULL), 0);
	assert_int_equal(s, STREAM_OPEN);
}

static void stream_step__closed__has_no_way_out(void **state)
{
	(void)state;
	for (int ev = 0; ev < STREAM_EVENTS; ev++) {
		enum stream_state to;
		bool legal;

		assert_int_equal(step(STREAM_CLOSED, ev, &to, &legal), 0);
		assert_false(legal);
		assert_int_equal(to, STREAM_CLOSED);
	}
}

static void stream_step__every_state__can_reach_closed(void **state)
{
	bool reaches[STREAM_STATES] = { [STREAM_CLOSED] = true };

	(void)state;
	for (int round = 0; round < STREAM_STATES; round++) {
		for (int s = 0; s < STREAM_STATES; s++) {
			for (int ev = 0; ev < STREAM_EVENTS; ev++) {
				enum stream_state to;

				step(s, ev, &to, NULL);
				reaches[s] |= reaches[to];
			}
		}
	}
	for (int s = 0; s < STREAM_STATES; s++)
		assert_true(reaches[s]);
}

static void stream_step__failure__closes(void **state)
{
	static const struct {
		enum stream_state from;
		enum stream_event ev;
	} failures[] = {
		{ STREAM_ADDRESS, STREAM_EV_BAD_DESTINATION },
		{ STREAM_ADDRESS, STREAM_EV_LOCAL_ABORT },
		{ STREAM_ADDRESS, STREAM_EV_SESSION_DEAD },
		{ STREAM_DIALING, STREAM_EV_DIAL_FAILED },
		{ STREAM_DIALING, STREAM_EV_LOCAL_ABORT },
		{ STREAM_DIALING, STREAM_EV_SESSION_DEAD },
		{ STREAM_ACKED, STREAM_EV_DIAL_FAILED },
		{ STREAM_ACKED, STREAM_EV_LOCAL_ABORT },
		{ STREAM_ACKED, STREAM_EV_SESSION_DEAD },
		{ STREAM_ORPHAN, STREAM_EV_DIAL_FAILED },
		{ STREAM_OPENING, STREAM_EV_SYNACK_ERROR },
		{ STREAM_OPENING, STREAM_EV_LOCAL_ABORT },
		{ STREAM_OPENING, STREAM_EV_SESSION_DEAD },
		{ STREAM_OPEN, STREAM_EV_SYNACK_ERROR },
		{ STREAM_OPEN, STREAM_EV_LOCAL_ABORT },
		{ STREAM_OPEN, STREAM_EV_SESSION_DEAD },
		{ STREAM_LINGER, STREAM_EV_SYNACK_ERROR },
		{ STREAM_LINGER, STREAM_EV_LOCAL_ABORT },
		{ STREAM_LINGER, STREAM_EV_SESSION_DEAD },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(failures); i++) {
		enum stream_state to;
		bool legal;

		step(failures[i].from, failures[i].ev, &to, &legal);
		assert_true(legal);
		assert_int_equal(to, STREAM_CLOSED);
	}
}

/* FIN is a full close and is never answered; nor is a dead session told anything. */
static void stream_step__fin_or_death__is_not_answered(void **state)
{
	static const enum stream_event silent[] = { STREAM_EV_REMOTE_FIN, STREAM_EV_SESSION_DEAD };

	(void)state;
	for (int s = 0; s < STREAM_STATES; s++) {
		for (size_t i = 0; i < COUNT(silent); i++) {
			enum stream_state to;
			unsigned todo = step(s, silent[i], &to, NULL);

			assert_false(todo & (DO(FIN) | DO(SYNACK) | DO(SYNACK_ERROR)));
		}
	}
}

static void stream_step__fin_sent__is_the_last_frame_of_the_id(void **state)
{
	(void)state;
	for (int s = 0; s < STREAM_STATES; s++) {
		for (int ev = 0; ev < STREAM_EVENTS; ev++) {
			enum stream_state to;
			unsigned todo = step(s, ev, &to, NULL);

			if (todo & DO(FIN)) {
				assert_int_equal(to, STREAM_CLOSED);
				assert_true(todo & DO(FORGET));
			}
			if (todo & DO(SYNACK_ERROR))
				assert_true(todo & DO(FIN));
		}
	}
}

/* The id leaves the table exactly when the stream leaves the states that a frame can reach. */
static void stream_step__forget__goes_with_leaving_the_session(void **state)
{
	(void)state;
	for (int s = 0; s < STREAM_STATES; s++) {
		for (int ev = 0; ev < STREAM_EVENTS; ev++) {
			enum stream_state to;
			unsigned todo = step(s, ev, &to, NULL);
			bool was = s != STREAM_CLOSED && s != STREAM_ORPHAN;
			bool is = to != STREAM_CLOSED && to != STREAM_ORPHAN;

			assert_int_equal(was && !is, (todo & DO(FORGET)) != 0);
		}
	}
}

static void stream_step__local_side__is_closed_one_way_only(void **state)
{
	(void)state;
	for (int s = 0; s < STREAM_STATES; s++) {
		for (int ev = 0; ev < STREAM_EVENTS; ev++) {
			enum stream_state to;
			unsigned todo = step(s, ev, &to, NULL);

			assert_false((todo & DO(FINISH)) && (todo & DO(ABORT)));
			if (todo & (DO(FINISH) | DO(ABORT)))
				assert_int_equal(to, STREAM_CLOSED);
		}
	}
}

/* Walks every way a server's stream can go: success is told once at most. */
static void walk_synacks(enum stream_state s, unsigned synacks, int depth)
{
	assert_true(synacks <= 1);
	for (int ev = 0; depth > 0 && ev < STREAM_EVENTS; ev++) {
		enum stream_state to;
		bool legal;
		unsigned todo = step(s, ev, &to, &legal);

		if (legal && to != s)
			walk_synacks(to, synacks + ((todo & DO(SYNACK)) != 0), depth - 1);
	}
}

static void stream_step__server__acks_once_at_most(void **state)
{
	(void)state;
	walk_synacks(STREAM_ADDRESS, 0, STREAM_STATES);
}

static void stream_step__client__stays_in_its_states_and_never_acks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(client_states); i++) {
		for (int ev = 0; ev < STREAM_EVENTS; ev++) {
			enum stream_state to;
			unsigned todo = step(client_states[i], ev, &to, NULL);

			assert_true(to == STREAM_CLOSED || to == STREAM_OPENING ||
				    to == STREAM_OPEN || to == STREAM_LINGER);
			assert_false(todo & (DO(SYNACK) | DO(ATTACH)));
			/* an open stream's table is that of both roles */
			if (client_states[i] != STREAM_OPEN)
				assert_false(todo & DO(SYNACK_ERROR));
		}
	}
}

struct path {
	enum stream_state from;
	struct {
		enum stream_event ev;
		unsigned todo;
		enum stream_state to;
	} steps[4];
	int n;
};

static const struct path paths[] = {
	/* server: dialled, target done */
	{ STREAM_ADDRESS,
	  { { STREAM_EV_DESTINATION, 0, STREAM_DIALING },
	    { STREAM_EV_DIALED, DO(SYNACK) | DO(ATTACH), STREAM_OPEN },
	    { STREAM_EV_LOCAL_DONE, DO(FIN) | DO(FORGET), STREAM_CLOSED } },
	  3 },
	/* server: a slow dial is acknowledged early, and not again */
	{ STREAM_DIALING,
	  { { STREAM_EV_ACK_DUE, DO(SYNACK), STREAM_ACKED },
	    { STREAM_EV_DIALED, DO(ATTACH), STREAM_OPEN },
	    { STREAM_EV_ACK_DUE, 0, STREAM_OPEN },
	    { STREAM_EV_REMOTE_FIN, DO(FINISH) | DO(FORGET), STREAM_CLOSED } },
	  4 },
	/* server: acknowledged early, then refused */
	{ STREAM_DIALING,
	  { { STREAM_EV_ACK_DUE, DO(SYNACK), STREAM_ACKED },
	    { STREAM_EV_DIAL_FAILED, REFUSED, STREAM_CLOSED } },
	  2 },
	/* server: refused */
	{ STREAM_DIALING, { { STREAM_EV_DIAL_FAILED, REFUSED, STREAM_CLOSED } }, 1 },
	{ STREAM_ADDRESS, { { STREAM_EV_BAD_DESTINATION, REFUSED, STREAM_CLOSED } }, 1 },
	/* server: FIN while dialling, what came before is delivered */
	{ STREAM_DIALING,
	  { { STREAM_EV_REMOTE_FIN, DO(FORGET), STREAM_ORPHAN },
	    { STREAM_EV_ACK_DUE, 0, STREAM_ORPHAN },
	    { STREAM_EV_SESSION_DEAD, 0, STREAM_ORPHAN },
	    { STREAM_EV_DIALED, DO(ATTACH) | DO(FINISH), STREAM_CLOSED } },
	  4 },
	{ STREAM_ACKED,
	  { { STREAM_EV_REMOTE_FIN, DO(FORGET), STREAM_ORPHAN },
	    { STREAM_EV_DIAL_FAILED, 0, STREAM_CLOSED } },
	  2 },
	/* client: answered, closed by the server */
	{ STREAM_OPENING,
	  { { STREAM_EV_SYNACK, 0, STREAM_OPEN },
	    { STREAM_EV_DATA, 0, STREAM_OPEN },
	    { STREAM_EV_REMOTE_FIN, DO(FINISH) | DO(FORGET), STREAM_CLOSED } },
	  3 },
	/* client: a server that never sends SYNACK */
	{ STREAM_OPENING,
	  { { STREAM_EV_DATA, 0, STREAM_OPEN },
	    { STREAM_EV_LOCAL_DONE, DO(FIN) | DO(FORGET), STREAM_CLOSED } },
	  2 },
	/* client: refused at any time */
	{ STREAM_OPENING,
	  { { STREAM_EV_SYNACK_ERROR, DO(FIN) | DO(ABORT) | DO(FORGET), STREAM_CLOSED } },
	  1 },
	{ STREAM_OPEN,
	  { { STREAM_EV_SYNACK_ERROR, DO(FIN) | DO(ABORT) | DO(FORGET), STREAM_CLOSED } },
	  1 },
	/* client: the application's EOF is held back as long as data comes */
	{ STREAM_OPEN,
	  { { STREAM_EV_LOCAL_EOF, DO(LINGER), STREAM_LINGER },
	    { STREAM_EV_DATA, DO(LINGER), STREAM_LINGER },
	    { STREAM_EV_SYNACK, 0, STREAM_LINGER },
	    { STREAM_EV_LINGER_OVER, DO(FIN) | DO(FINISH) | DO(FORGET), STREAM_CLOSED } },
	  4 },
	{ STREAM_OPENING,
	  { { STREAM_EV_LOCAL_EOF, DO(LINGER), STREAM_LINGER },
	    { STREAM_EV_REMOTE_FIN, DO(FINISH) | DO(FORGET), STREAM_CLOSED } },
	  2 },
	/* both: a dying session is no clean end */
	{ STREAM_OPEN, { { STREAM_EV_SESSION_DEAD, DO(ABORT) | DO(FORGET), STREAM_CLOSED } }, 1 },
	{ STREAM_LINGER, { { STREAM_EV_SESSION_DEAD, DO(ABORT) | DO(FORGET), STREAM_CLOSED } }, 1 },
};

static void stream_step__lives_of_streams__are_as_the_protocol_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		enum stream_state s = paths[i].from;

		for (int j = 0; j < paths[i].n; j++) {
			unsigned todo = stream_step(&s, paths[i].steps[j].ev, NULL);

			assert_int_equal(todo, paths[i].steps[j].todo);
			assert_int_equal(s, paths[i].steps[j].to);
		}
	}
}

static void stream_state_name__every_state__has_one_of_its_own(void **state)
{
	(void)state;
	for (int s = 0; s < STREAM_STATES; s++) {
		assert_non_null(stream_state_name(s));
		assert_true(strlen(stream_state_name(s)) > 0);
		for (int t = 0; t < s; t++)
			assert_string_not_equal(stream_state_name(s), stream_state_name(t));
	}
	assert_string_equal(stream_state_name(STREAM_LINGER), "linger");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_step__unexpected_event__changes_nothing),
		cmocka_unit_test(stream_step__no_place_for_legal__is_the_same),
		cmocka_unit_test(stream_step__closed__has_no_way_out),
		cmocka_unit_test(stream_step__every_state__can_reach_closed),
		cmocka_unit_test(stream_step__failure__closes),
		cmocka_unit_test(stream_step__fin_or_death__is_not_answered),
		cmocka_unit_test(stream_step__fin_sent__is_the_last_frame_of_the_id),
		cmocka_unit_test(stream_step__forget__goes_with_leaving_the_session),
		cmocka_unit_test(stream_step__local_side__is_closed_one_way_only),
		cmocka_unit_test(stream_step__server__acks_once_at_most),
		cmocka_unit_test(stream_step__client__stays_in_its_states_and_never_acks),
		cmocka_unit_test(stream_step__lives_of_streams__are_as_the_protocol_says),
		cmocka_unit_test(stream_state_name__every_state__has_one_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
