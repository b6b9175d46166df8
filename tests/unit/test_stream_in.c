// SPDX-License-Identifier: GPL-2.0-or-later
// What comes for a stream whose other end has no room, and the memory for it.
#include "app/stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static struct worker worker;
static struct link session;
static struct stream stream;
static struct endpoint far;
static bool no_memory;
static unsigned n_aborts, n_closed, n_idle;

int __real_buf_append(struct buf *b, struct buf_pool *pool, const void *p, size_t n);
int __wrap_buf_append(struct buf *b, struct buf_pool *pool, const void *p, size_t n);

int __wrap_buf_append(struct buf *b, struct buf_pool *pool, const void *p, size_t n)
{
	return no_memory ? -ENOMEM : __real_buf_append(b, pool, p, n);
}

static bool far_has_room(struct endpoint *e)
{
	(void)e;
	return false;
}

static void far_resume(struct endpoint *e)
{
	(void)e;
}

static void far_abort(struct endpoint *e)
{
	endpoint_unjoin(e);
	n_aborts++;
}

static const struct endpoint_ops far_ops = {
	.shares_queue = true,
	.has_room = far_has_room,
	.resume = far_resume,
	.abort = far_abort,
};

static void closed(struct stream *st, const char *why)
{
	assert_non_null(why);
	buf_done(&st->early, &worker.pool);
	n_closed++;
}

static const struct stream_ops stream_ops = { .closed = closed };

static void idle(struct link *l)
{
	(void)l;
	n_idle++;
}

static const struct link_ops link_ops = { .idle = idle };

static int set_up(void **state)
{
	(void)state;
	no_memory = false;
	n_aborts = n_closed = n_idle = 0;
	config.limits.stream_buffer = 1 << 20;
	worker = (struct worker){ .config = &config, .loop = loop_new() };
	if (!worker.loop || wire_shared_init(&worker.wires, &worker.pool) < 0)
		return -1;
	session = (struct link){ .w = &worker, .ops = &link_ops };
	session.shown = &worker.slots.no_session;
	session_init(&session.core, SESSION_SERVER);
	list_init(&session.streams);
	list_init(&session.blocked);
	session.wire = wire_plain_new(&worker.wires, -1);
	worker.frame = malloc(FRAME_HDR_LEN + FRAME_DATA_MAX);
	stream = (struct stream){ 0 };
	stream_init(&stream, &session, &stream_ops, 1, STREAM_OPEN);
	session_add(&session.core, &stream.core);
	far = (struct endpoint){ .ops = &far_ops };
	endpoint_join(&stream.e, &far);
	return session.wire && worker.frame ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	buf_done(&stream.early, &worker.pool);
	session_remove(&session.core, &stream.core);
	session_done(&session.core);
	wire_free(session.wire);
	free(worker.frame);
	wire_shared_done(&worker.wires);
	buf_pool_trim(&worker.pool, 0);
	loop_free(worker.loop);
	return 0;
}

static void deliver(void)
{
	char bytes[100] = "kept";
	struct iovec iov = { bytes, sizeof(bytes) };

	stream_deliver(&stream, &iov, 1);
}

static void stream_deliver__no_room__is_kept(void **state)
{
	(void)state;
	deliver();
	assert_int_equal(stream.early.len, 100);
	assert_int_equal(session.queued, 100);
	assert_int_equal(n_aborts + n_closed, 0);
	endpoint_unjoin(&far);
}

/* The other end lives on without it, and must know. */
static void stream_deliver__no_room_and_no_memory__ends_both(void **state)
{
	(void)state;
	no_memory = true;
	deliver();
	assert_int_equal(n_closed, 1);
	assert_int_equal(n_idle, 1);
	assert_int_equal(n_aborts, 1);
	assert_null(far.peer);
	assert_null(stream.e.peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stream_deliver__no_room__is_kept, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(stream_deliver__no_room_and_no_memory__ends_both,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
