// SPDX-License-Identifier: GPL-2.0-or-later
// The deadline heap against a plain list: order, moving, removing, callbacks that change it.
#include "ev/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIMERS 500

static struct timer_heap heap;
static struct timer timer[TIMERS];
static struct timer *fired[4 * TIMERS];
static unsigned n_fired;

static int set_up(void **state)
{
	(void)state;
	memset(timer, 0, sizeof(timer));
	n_fired = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	timer_heap_done(&heap);
	assert_null(heap.at);
	assert_int_equal(heap.n, 0);
	return 0;
}

static void note(struct timer *t)
{
	assert_int_equal(t->slot, 0);
	fired[n_fired++] = t;
}

static void timer_heap_next__empty__is_false(void **state)
{
	uint64_t at = 7;

	(void)state;
	assert_false(timer_heap_next(&heap, &at));
	assert_int_equal(at, 7);
	timer_heap_expire(&heap, UINT64_MAX);
	timer_heap_remove(&heap, &timer[0]);
}

static void timer_heap_set__at_its_time__fires_once_and_not_before(void **state)
{
	uint64_t at;

	(void)state;
	assert_int_equal(timer_heap_set(&heap, &timer[0], 100, note), 0);
	assert_true(timer_heap_next(&heap, &at));
	assert_int_equal(at, 100);
	timer_heap_expire(&heap, 99);
	assert_int_equal(n_fired, 0);
	timer_heap_expire(&heap, 100);
	timer_heap_expire(&heap, 1000);
	assert_int_equal(n_fired, 1);
	assert_false(timer_heap_next(&heap, &at));
}

static void check_heap(uint64_t now)
{
	uint64_t earliest = UINT64_MAX, at = 0;
	unsigned armed = 0;

	for (unsigned i = 0; i < TIMERS; i++) {
		if (!timer[i].slot)
			continue;
		armed++;
		assert_ptr_equal(heap.at[timer[i].slot], &timer[i]);
		assert_true(timer[i].at_ms > now);
		if (timer[i].at_ms < earliest)
			earliest = timer[i].at_ms;
	}
	assert_int_equal(heap.n, armed);
	assert_int_equal(timer_heap_next(&heap, &at), armed > 0);
	if (armed)
		assert_int_equal(at, earliest);
}

static uint32_t chance(uint32_t n)
{
	static uint32_t seed = 99;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void timer_heap__random_calls__agree_with_a_plain_list(void **state)
{
	uint64_t now = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		struct timer *t = &timer[chance(TIMERS)];

		if (chance(3))
			assert_int_equal(timer_heap_set(&heap, t, now + 1 + chance(1000), note), 0);
		else
			timer_heap_remove(&heap, t);
		if (chance(5) == 0) {
			n_fired = 0;
			now += chance(20);
			timer_heap_expire(&heap, now);
			for (unsigned i = 1; i < n_fired; i++)
				assert_true(fired[i - 1]->at_ms <= fired[i]->at_ms);
		}
		check_heap(now);
	}
	timer_heap_expire(&heap, UINT64_MAX);
	assert_int_equal(heap.n, 0);
}

static void silence_next(struct timer *t)
{
	note(t);
	timer_heap_remove(&heap, t + 1);
}

static void arm_next(struct timer *t)
{
	note(t);
	timer_heap_set(&heap, t + 1, t->at_ms + 1, note);
}

static void timer_heap_expire__a_callback_removes_another__it_does_not_fire(void **state)
{
	(void)state;
	timer_heap_set(&heap, &timer[0], 5, silence_next);
	timer_heap_set(&heap, &timer[1], 5, note);
	timer_heap_set(&heap, &timer[2], 5, note);
	timer_heap_remove(&heap, &timer[2]);
	timer_heap_set(&heap, &timer[1], 6, note);
	timer_heap_expire(&heap, 10);
	assert_int_equal(n_fired, 1);
	assert_ptr_equal(fired[0], &timer[0]);
}

static void timer_heap_expire__armed_meanwhile_for_later__waits(void **state)
{
	(void)state;
	timer_heap_set(&heap, &timer[0], 10, arm_next);
	timer_heap_expire(&heap, 10);
	assert_int_equal(n_fired, 1);
	timer_heap_expire(&heap, 11);
	assert_int_equal(n_fired, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timer_heap_next__empty__is_false),
		TEST(timer_heap_set__at_its_time__fires_once_and_not_before),
		TEST(timer_heap__random_calls__agree_with_a_plain_list),
		TEST(timer_heap_expire__a_callback_removes_another__it_does_not_fire),
		TEST(timer_heap_expire__armed_meanwhile_for_later__waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
