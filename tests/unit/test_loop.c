// SPDX-License-Identifier: GPL-2.0-or-later
// The loop: order of timers and tasks, stale events, deferred free, both trigger modes.
#include "ev/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define START_MS 1000000

static struct loop *loop;
static char trace[64]; /* one letter for each thing that ran */

static void note(char c)
{
	size_t len = strlen(trace);

	assert_true(len + 1 < sizeof(trace));
	trace[len] = c;
	trace[len + 1] = 0;
}

static int set_up(void **state)
{
	(void)state;
	clock_freeze_ms(START_MS);
	loop = loop_new();
	trace[0] = 0;
	return loop ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	clock_freeze_ms(0);
	return 0;
}

static void turn_at(uint64_t ms)
{
	clock_freeze_ms(START_MS + ms);
	loop_turn(loop, 0);
}

/* A timer that notes its letter, and may change another one. */
struct bell {
	struct timer t;
	char letter;
	struct bell *silence;
	struct bell *ring;
	uint64_t ring_ms;
};

static void rung(struct timer *t)
{
	struct bell *b = container_of(t, struct bell, t);

	note(b->letter);
	if (b->silence)
		loop_disarm(loop, &b->silence->t);
	if (b->ring)
		assert_int_equal(loop_arm(loop, &b->ring->t, b->ring_ms, rung), 0);
}

static void arm(struct bell *b, uint64_t ms)
{
	assert_int_equal(loop_arm(loop, &b->t, ms, rung), 0);
}

static void loop_arm__several__fire_in_order_of_time_and_not_early(void **state)
{
	struct bell a = { .letter = 'a' }, b = { .letter = 'b' }, c = { .letter = 'c' };

	(void)state;
	arm(&c, 30);
	arm(&a, 10);
	arm(&b, 20);
	turn_at(9);
	assert_string_equal(trace, "");
	turn_at(20);
	assert_string_equal(trace, "ab");
	turn_at(30);
	turn_at(1000);
	assert_string_equal(trace, "abc");
}

static void loop_arm__armed_already__moves(void **state)
{
	struct bell a = { .letter = 'a' };

	(void)state;
	arm(&a, 10);
	arm(&a, 50);
	turn_at(49);
	assert_string_equal(trace, "");
	turn_at(50);
	turn_at(100);
	assert_string_equal(trace, "a");
}

static void loop_arm__hundreds_in_disorder__all_fire_sorted(void **state)
{
	enum { MANY = 500 };
	static struct bell bells[MANY];
	unsigned rings = 0;

	(void)state;
	memset(bells, 0, sizeof(bells));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(loop_arm(loop, &bells[i].t, i * 7919 % MANY + 1, rung), 0);
	for (unsigned i = 0; i < MANY; i += 5)
		loop_disarm(loop, &bells[i].t);
	for (unsigned ms = 0; ms <= MANY; ms++) {
		trace[0] = 0;
		for (unsigned i = 0; i < MANY; i++)
			bells[i].letter = bells[i].t.at_ms == START_MS + ms ? 'x' : '?';
		turn_at(ms);
		assert_null(strchr(trace, '?'));
		rings += (unsigned)strlen(trace);
	}
	assert_int_equal(rings, MANY - MANY / 5);
}

static void loop_disarm__from_a_timer_of_the_same_turn__holds(void **state)
{
	struct bell b = { .letter = 'b' }, a = { .letter = 'a', .silence = &b };

	(void)state;
	arm(&a, 10);
	arm(&b, 10);
	arm(&b, 11);
	turn_at(20);
	assert_string_equal(trace, "a");
}

static void loop_disarm__not_armed__is_ignored(void **state)
{
	struct bell a = { .letter = 'a' };

	(void)state;
	loop_disarm(loop, &a.t);
	turn_at(10);
	assert_string_equal(trace, "");
}

static void loop_arm__from_its_own_callback__fires_again_later(void **state)
{
	struct bell a = { .letter = 'a', .ring_ms = 10 };

	(void)state;
	a.ring = &a;
	arm(&a, 10);
	turn_at(10);
	turn_at(19);
	assert_string_equal(trace, "a");
	turn_at(20);
	assert_string_equal(trace, "aa");
}

/* A task that notes its letter, and may do more. */
struct job {
	struct task t;
	char letter;
	struct job *post, *unpost;
};

static void worked(struct task *t)
{
	struct job *j = container_of(t, struct job, t);

	note(j->letter);
	if (j->unpost)
		loop_unpost(loop, &j->unpost->t);
	if (j->post)
		loop_post(loop, &j->post->t, worked);
}

static void loop_post__twice__runs_once_in_order(void **state)
{
	struct job a = { .letter = 'a' }, b = { .letter = 'b' };

	(void)state;
	loop_post(loop, &a.t, worked);
	loop_post(loop, &b.t, worked);
	loop_post(loop, &a.t, worked);
	assert_string_equal(trace, "");
	loop_turn(loop, -1);
	loop_turn(loop, 0);
	assert_string_equal(trace, "ab");
}

static void loop_post__from_a_task__waits_for_the_next_turn(void **state)
{
	struct job a = { .letter = 'a' };

	(void)state;
	a.post = &a;
	loop_post(loop, &a.t, worked);
	loop_turn(loop, -1);
	assert_string_equal(trace, "a");
	loop_turn(loop, -1);
	assert_string_equal(trace, "aa");
	loop_unpost(loop, &a.t);
	loop_turn(loop, 0);
	assert_string_equal(trace, "aa");
}

static void loop_unpost__from_a_task_of_the_same_turn__holds(void **state)
{
	struct job b = { .letter = 'b' }, a = { .letter = 'a', .unpost = &b },
		   c = { .letter = 'c' };

	(void)state;
	loop_post(loop, &a.t, worked);
	loop_post(loop, &b.t, worked);
	loop_post(loop, &c.t, worked);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	assert_string_equal(trace, "ac");
}

static struct job late_job = { .letter = 'L' };

static void post_late(struct task *t)
{
	worked(t);
	loop_post_late(loop, &late_job.t, worked);
}

static void loop_post_late__from_a_task__runs_after_the_tasks_of_the_same_turn(void **state)
{
	struct job a = { .letter = 'a' }, b = { .letter = 'b' };

	(void)state;
	loop_post(loop, &a.t, post_late);
	loop_post(loop, &b.t, worked);
	loop_turn(loop, 0);
	assert_string_equal(trace, "abL");
}

/* A watched descriptor that notes its letter. */
struct gate {
	struct watcher w;
	char letter;
	uint32_t events;
	struct gate *forget;
	struct deferred dead;
};

static void gate_released(struct deferred *d)
{
	struct gate *g = container_of(d, struct gate, dead);

	note('!');
	close(g->w.fd);
	free(g);
}

static void opened(struct watcher *w, uint32_t events)
{
	struct gate *g = container_of(w, struct gate, w);

	note(g->letter);
	g->events = events;
	if (g->forget) {
		loop_forget(loop, &g->forget->w);
		loop_defer(loop, &g->forget->dead, gate_released);
	}
}

static struct gate *gate_new(char letter)
{
	struct gate *g = calloc(1, sizeof(*g));

	g->letter = letter;
	g->w.ready = opened;
	g->w.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(g->w.fd >= 0);
	return g;
}

static void gate_free(struct gate *g)
{
	loop_forget(loop, &g->w);
	close(g->w.fd);
	free(g);
}

static void signal_gate(struct gate *g)
{
	const uint64_t one = 1;

	assert_int_equal(write(g->w.fd, &one, sizeof(one)), sizeof(one));
}

static void loop_watch__ready__is_told_once_an_edge(void **state)
{
	struct gate *g = gate_new('g');

	(void)state;
	assert_int_equal(loop_watch(loop, &g->w, EPOLLIN), 0);
	loop_turn(loop, 0);
	assert_string_equal(trace, "");
	signal_gate(g);
	loop_turn(loop, -1);
	loop_turn(loop, 0);
	assert_string_equal(trace, "g");
	assert_int_equal(g->events, EPOLLIN);
	signal_gate(g);
	loop_turn(loop, 0);
	assert_string_equal(trace, "gg");
	gate_free(g);
}

static void loop_rewatch__edge_already_there__is_told_again(void **state)
{
	struct gate *g = gate_new('g');

	(void)state;
	assert_int_equal(loop_watch(loop, &g->w, EPOLLIN), 0);
	signal_gate(g);
	loop_turn(loop, 0);
	assert_int_equal(loop_rewatch(loop, &g->w, EPOLLIN), 0);
	loop_turn(loop, 0);
	assert_string_equal(trace, "gg");
	gate_free(g);
}

static void loop_watch_level__unread__is_told_every_turn_until_paused(void **state)
{
	struct gate *g = gate_new('g');

	(void)state;
	assert_int_equal(loop_watch_level(loop, &g->w, EPOLLIN), 0);
	signal_gate(g);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	assert_string_equal(trace, "gg");
	assert_int_equal(loop_rewatch_level(loop, &g->w, 0), 0);
	loop_turn(loop, 0);
	assert_string_equal(trace, "gg");
	gate_free(g);
}

static void loop_watch__bad_descriptor__is_ebadf(void **state)
{
	struct watcher w = { .fd = -1, .ready = opened };

	(void)state;
	assert_int_equal(loop_watch(loop, &w, EPOLLIN), -EBADF);
}

static void loop_forget__of_the_other_in_the_same_batch__no_callback_comes(void **state)
{
	struct gate *a = gate_new('a'), *b = gate_new('b');

	(void)state;
	a->forget = b;
	b->forget = a;
	assert_int_equal(loop_watch(loop, &a->w, EPOLLIN), 0);
	assert_int_equal(loop_watch(loop, &b->w, EPOLLIN), 0);
	signal_gate(a);
	signal_gate(b);
	loop_turn(loop, 0);
	assert_int_equal(strlen(trace), 2); /* one callback, then the release of the other */
	assert_int_equal(trace[1], '!');
	gate_free(trace[0] == 'a' ? a : b);
}

static void loop_defer__outside_a_turn__released_at_the_end_of_the_next(void **state)
{
	struct gate *g = gate_new('g');

	(void)state;
	loop_defer(loop, &g->dead, gate_released);
	assert_string_equal(trace, "");
	loop_turn(loop, 0);
	assert_string_equal(trace, "!");
}

static void loop_free__something_deferred__is_released(void **state)
{
	struct gate *g = gate_new('g');

	(void)state;
	loop_defer(loop, &g->dead, gate_released);
	loop_free(loop);
	loop = NULL;
	assert_string_equal(trace, "!");
}

static void loop_now_ms__within_a_turn__stands_still(void **state)
{
	(void)state;
	assert_int_equal(loop_now_ms(loop), START_MS);
	clock_freeze_ms(START_MS + 5);
	assert_int_equal(loop_now_ms(loop), START_MS);
	loop_turn(loop, 0);
	assert_int_equal(loop_now_ms(loop), START_MS + 5);
}

static void stop(struct task *t)
{
	note('s');
	(void)t;
	loop_stop(loop);
}

static void loop_stop__from_a_task__ends_the_run(void **state)
{
	struct job a = { .letter = 'a' };

	(void)state;
	loop_post(loop, &a.t, stop);
	loop_run(loop);
	assert_string_equal(trace, "s");
}

#define loop_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		loop_test(loop_arm__several__fire_in_order_of_time_and_not_early),
		loop_test(loop_arm__armed_already__moves),
		loop_test(loop_arm__hundreds_in_disorder__all_fire_sorted),
		loop_test(loop_disarm__from_a_timer_of_the_same_turn__holds),
		loop_test(loop_disarm__not_armed__is_ignored),
		loop_test(loop_arm__from_its_own_callback__fires_again_later),
		loop_test(loop_post__twice__runs_once_in_order),
		loop_test(loop_post__from_a_task__waits_for_the_next_turn),
		loop_test(loop_unpost__from_a_task_of_the_same_turn__holds),
		loop_test(loop_post_late__from_a_task__runs_after_the_tasks_of_the_same_turn),
		loop_test(loop_watch__ready__is_told_once_an_edge),
		loop_test(loop_rewatch__edge_already_there__is_told_again),
		loop_test(loop_watch_level__unread__is_told_every_turn_until_paused),
		loop_test(loop_watch__bad_descriptor__is_ebadf),
		loop_test(loop_forget__of_the_other_in_the_same_batch__no_callback_comes),
		loop_test(loop_defer__outside_a_turn__released_at_the_end_of_the_next),
		loop_test(loop_free__something_deferred__is_released),
		loop_test(loop_now_ms__within_a_turn__stands_still),
		loop_test(loop_stop__from_a_task__ends_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
