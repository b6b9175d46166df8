// SPDX-License-Identifier: GPL-2.0-or-later
// Joining endpoints and undoing it.
#include "datapath/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct end {
	struct endpoint e;
	int resumed;
	struct endpoint *peer_then;
};

static void resume(struct endpoint *e)
{
	struct end *end = container_of(e, struct end, e);

	end->resumed++;
	end->peer_then = e->peer;
}

static const struct endpoint_ops ops = { .resume = resume };

static void endpoint_join__both__are_joined_before_either_is_resumed(void **state)
{
	struct end a = { .e = { .ops = &ops } }, b = { .e = { .ops = &ops } };

	(void)state;
	endpoint_join(&a.e, &b.e);
	assert_ptr_equal(a.e.peer, &b.e);
	assert_ptr_equal(b.e.peer, &a.e);
	assert_int_equal(a.resumed, 1);
	assert_int_equal(b.resumed, 1);
	assert_ptr_equal(a.peer_then, &b.e);
	assert_ptr_equal(b.peer_then, &a.e);
}

static void endpoint_unjoin__of_either__frees_both_silently(void **state)
{
	struct end a = { .e = { .ops = &ops } }, b = { .e = { .ops = &ops } };

	(void)state;
	endpoint_join(&a.e, &b.e);
	endpoint_unjoin(&b.e);
	assert_null(a.e.peer);
	assert_null(b.e.peer);
	assert_int_equal(a.resumed + b.resumed, 2);
	endpoint_unjoin(&b.e);
	endpoint_unjoin(&a.e);
	endpoint_unjoin(NULL);
}

static void relay_lay_out__pieces__are_records_with_room_and_frames_of_a_group(void **state)
{
	struct relay_shared sh;
	struct iovec iov[RELAY_PIECES];
	_Atomic uint32_t busy = 0;
	struct buf_pool pool = { 0 };
	size_t total = 0;

	(void)state;
	assert_int_equal(relay_shared_init(&sh, NULL, &pool, &busy), 0);
	memset(sh.read, 1, RELAY_READ_ROOM);
	relay_lay_out(&sh, iov);
	for (int i = 0; i < RELAY_PIECES; i++) {
		size_t header = i % ENDPOINT_GROUP ? 0 : ENDPOINT_HEADROOM;
		uint8_t *record = sh.read + i * (RELAY_READ_ROOM / RELAY_PIECES);

		assert_ptr_equal(iov[i].iov_base, record + WIRE_ROOM_BEFORE + header);
		assert_int_equal(iov[i].iov_len, WIRE_PIECE_MAX - header);
		total += iov[i].iov_len;
	}
	assert_int_equal(total, RELAY_READ_MAX);
	assert_true(RELAY_READ_MAX + ENDPOINT_HEADROOM * RELAY_PIECES / ENDPOINT_GROUP <=
		    WIRE_WRITE_MAX);
	relay_shared_done(&sh);
	assert_null(sh.read);
	relay_shared_done(&sh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoint_join__both__are_joined_before_either_is_resumed),
		cmocka_unit_test(endpoint_unjoin__of_either__frees_both_silently),
		cmocka_unit_test(
			relay_lay_out__pieces__are_records_with_room_and_frames_of_a_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
