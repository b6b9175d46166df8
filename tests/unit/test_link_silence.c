// SPDX-License-Identifier: GPL-2.0-or-later
// How long a session is looked after once it has sent something.
#include "app/link_impl.h"

#include "tcp_bed.h"

#define TIMEOUT_MS 4000
#define LOOK_MS	   1000

static struct config config;
static struct worker worker;
static struct link session;
static int pair[2];

static int set_up(void **state)
{
	(void)state;
	clock_freeze_ms(BED_START_MS);
	config.limits.ack_timeout_ms = TIMEOUT_MS;
	worker = (struct worker){ .config = &config, .loop = loop_new() };
	if (!worker.loop || wire_shared_init(&worker.wires, &worker.pool) < 0)
		return -1;
	bed_tcp_pair(pair, 0);
	session = (struct link){ .w = &worker, .shown = &worker.slots.no_session };
	session_init(&session.core, SESSION_SERVER);
	list_init(&session.streams);
	list_init(&session.blocked);
	session.wire = wire_plain_new(&worker.wires, pair[0]);
	return session.wire ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	link_stop_timers(&session);
	wire_free(session.wire);
	close(pair[1]);
	wire_shared_done(&worker.wires);
	buf_pool_trim(&worker.pool, 0);
	loop_free(worker.loop);
	clock_freeze_ms(0);
	return 0;
}

static void send_byte(void)
{
	const uint8_t byte = 1;

	link_packet(&session, &byte, 1);
}

static void turn_after(uint64_t ms)
{
	clock_freeze_ms(clock_now_ms() + ms);
	loop_turn(worker.loop, 0);
}

static void await_ack(void)
{
	for (int i = 0; i < 1000 && wire_unacked(session.wire) > 0; i++)
		usleep(1000);
}

static bool is_looked_after(void)
{
	return session.silence_timer.slot != 0;
}

static void link_packet__all_is_acknowledged__one_look_is_enough(void **state)
{
	(void)state;
	send_byte();
	turn_after(0);
	assert_true(is_looked_after());
	await_ack();
	turn_after(LOOK_MS);
	assert_false(is_looked_after());
}

/* A turn's packets leave at its end, behind the look that is due in it. */
static void link_packet__in_the_turn_of_a_look__is_looked_after(void **state)
{
	(void)state;
	send_byte();
	turn_after(0);
	await_ack();
	send_byte();
	turn_after(LOOK_MS);
	assert_true(is_looked_after());
	await_ack();
	turn_after(LOOK_MS);
	assert_false(is_looked_after());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			link_packet__all_is_acknowledged__one_look_is_enough, set_up, tear_down),
		cmocka_unit_test_setup_teardown(link_packet__in_the_turn_of_a_look__is_looked_after,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
