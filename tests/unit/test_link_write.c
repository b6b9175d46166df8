// SPDX-License-Identifier: GPL-2.0-or-later
// Streams that wait for room on a session's wire.
#include "app/link_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/stream.h"
#include "wire/wire_record_impl.h"

#define PATIENCE_S 10 /* of a test that would never end */

static struct config config;
static struct worker worker;
static struct link links[2];
static struct stream streams[2];
static struct wire_kernel kernel;
static struct wire_record spent;
static int pair[2];

static void nothing(struct stream *st)
{
	(void)st;
}

static const struct stream_ops ops = { .local_eof = nothing, .local_abort = nothing };

/* A session that sends by the kernel, which it leads to, and one on plain TCP. */
static int set_up(void **state)
{
	(void)state;
	alarm(PATIENCE_S);
	config.limits.stream_buffer = 1 << 20;
	worker = (struct worker){ .config = &config, .loop = loop_new() };
	if (!worker.loop || wire_shared_init(&worker.wires, &worker.pool) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	kernel = (struct wire_kernel){ .tx = true };
	spent = (struct wire_record){ .kernel = &kernel };
	wire_init(&spent.w, &wire_record_ops, &worker.wires, pair[0]);
	for (int i = 0; i < 2; i++) {
		struct link *l = &links[i];

		*l = (struct link){ .w = &worker, .shown = &worker.slots.no_session };
		session_init(&l->core, i == 0 ? SESSION_CLIENT : SESSION_SERVER);
		list_init(&l->streams);
		list_init(&l->blocked);
		streams[i] = (struct stream){ 0 };
		stream_init(&streams[i], l, &ops, 1, STREAM_OPEN);
	}
	links[0].wire = &spent.w;
	links[1].wire = wire_plain_new(&worker.wires, pair[1]);
	return links[1].wire ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	wire_free(links[1].wire);
	close(pair[0]);
	wire_shared_done(&worker.wires);
	buf_pool_trim(&worker.pool, 0);
	loop_free(worker.loop);
	return 0;
}

/* One that leads to another session asks for room as soon as it is woken. */
static void link_flush__key_is_spent__wakes_nobody(void **state)
{
	(void)state;
	endpoint_join(&streams[0].e, &streams[1].e);
	kernel.spent = true;
	assert_false(link_has_room(&links[0], &streams[0]));
	link_flush(&links[0]);
	assert_false(list_empty(&links[0].blocked));
}

static void link_flush__room_again__wakes_those_that_wait(void **state)
{
	(void)state;
	endpoint_join(&streams[0].e, &streams[1].e);
	kernel.spent = true;
	assert_false(link_has_room(&links[0], &streams[0]));
	kernel.spent = false;
	link_flush(&links[0]);
	assert_true(list_empty(&links[0].blocked));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(link_flush__key_is_spent__wakes_nobody, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(link_flush__room_again__wakes_those_that_wait,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
