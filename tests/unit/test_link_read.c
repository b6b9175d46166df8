// SPDX-License-Identifier: GPL-2.0-or-later
// What a session's reading does when there is nothing more to read.
#include "app/link_impl.h"

#include "base/fd.h"
#include "io/sockopt.h"

#include "tcp_bed.h"

static struct config config;
static struct program program;
static struct worker worker;
static struct link session;
static unsigned n_over;
static int pair[2];

static void over(struct link *l, const char *why)
{
	(void)l;
	(void)why;
	n_over++;
}

static const struct link_ops ops = { .over = over };

/* A session whose only stream's destination takes nothing, so that it does not read. */
static int set_up(void **state)
{
	(void)state;
	n_over = 0;
	config.limits = (struct config_limits){ .stream_buffer = 1, .worker_buffer = 1 << 20 };
	program = (struct program){ .config = &config };
	worker = (struct worker){ .config = &config, .program = &program, .loop = loop_new() };
	if (!worker.loop || wire_shared_init(&worker.wires, &worker.pool) < 0)
		return -1;
	bed_tcp_pair(pair, 0);
	session = (struct link){ .w = &worker, .ops = &ops, .shown = &worker.slots.no_session };
	session_init(&session.core, SESSION_SERVER);
	list_init(&session.streams);
	list_init(&session.blocked);
	session.wire = wire_plain_new(&worker.wires, pair[0]);
	session.queued = 2;
	session.readable = true;
	return session.wire ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	link_stop_timers(&session);
	wire_free(session.wire);
	fd_close(pair[1]);
	wire_shared_done(&worker.wires);
	buf_pool_trim(&worker.pool, 0);
	loop_free(worker.loop);
	return 0;
}

static void link_post_read__queues_are_full__looks_again(void **state)
{
	(void)state;
	link_post_read(&session);
	loop_turn(worker.loop, 0);
	assert_true(session.paused);
	assert_int_not_equal(session.stall_timer.slot, 0);
}

/* Its owner is freed at the end of the turn, and a timer in it would go off all the same. */
static void link_post_read__queues_are_full_and_writing_failed__ends_without_a_timer(void **state)
{
	(void)state;
	sockopt_reset(pair[1]);
	fd_close(pair[1]);
	pair[1] = -1;
	session.broken = true;
	link_post_read(&session);
	loop_turn(worker.loop, 0);
	assert_int_equal(n_over, 1);
	assert_true(session.dead);
	assert_int_equal(session.stall_timer.slot, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(link_post_read__queues_are_full__looks_again,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			link_post_read__queues_are_full_and_writing_failed__ends_without_a_timer,
			set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
