// SPDX-License-Identifier: GPL-2.0-or-later
// Slots: each once, all used, none where there is none, wiped; and what sessions and streams put
// there.
#include "state_bed.h"

#include "app/state.h"

/* Whether every byte of an array's file is 0 but for the slots' seq. */
static bool wiped(const struct state_bed *b, const char *name, size_t size)
{
	uint8_t slot[256];
	char path[200];
	FILE *f;
	bool all = true;

	state_bed_path(b, name, path);
	f = fopen(path, "rb");
	while (fread(slot, size, 1, f) == 1)
		for (size_t i = sizeof(uint32_t); i < size; i++)
			all = all && slot[i] == 0;
	fclose(f);
	return all;
}

static void slots__of_all_workers__are_all_slots_each_once(void **state)
{
	struct state_region *r = state_bed_open(*state, 7);
	bool seen[STATE_BED_SESSIONS] = { false };
	unsigned n = 0;

	for (unsigned w = 0; w < 7; w++) {
		struct state_slots slots;
		struct state_session *s;

		state_slots_init(&slots, r, w, 7);
		while ((s = state_slots_session(&slots)) != &slots.no_session) {
			assert_in_range(s - r->sessions, 0, STATE_BED_SESSIONS - 1);
			assert_false(seen[s - r->sessions]);
			seen[s - r->sessions] = true;
			n++;
		}
		state_slots_done(&slots);
	}
	assert_int_equal(n, STATE_BED_SESSIONS);
	state_region_close(r);
}

static void slots__more_workers_than_slots__some_have_none(void **state)
{
	struct state_bed *b = *state;
	struct state_region *r;
	unsigned n = 0;

	b->config.state.sessions = 2;
	r = state_bed_open(b, 5);
	for (unsigned w = 0; w < 5; w++) {
		struct state_slots slots;

		state_slots_init(&slots, r, w, 5);
		while (state_slots_session(&slots) != &slots.no_session)
			n++;
		state_slots_done(&slots);
	}
	assert_int_equal(n, 2);
	state_region_close(r);
}

static void slots__given_back__are_taken_again(void **state)
{
	struct state_region *r = state_bed_open(*state, 1);
	struct state_stream *all[STATE_BED_STREAMS];
	struct state_slots slots;

	state_slots_init(&slots, r, 0, 1);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < STATE_BED_STREAMS; i++) {
			all[i] = state_slots_stream(&slots);
			assert_ptr_not_equal(all[i], &slots.no_stream);
		}
		assert_ptr_equal(state_slots_stream(&slots), &slots.no_stream);
		state_slots_give_stream(&slots, &slots.no_stream);
		for (unsigned i = 0; i < STATE_BED_STREAMS; i++)
			state_slots_give_stream(&slots, all[i]);
	}
	state_slots_done(&slots);
	state_region_close(r);
}

static void slots__given_back__are_wiped_and_have_another_seq(void **state)
{
	struct state_region *r = state_bed_open(*state, 1);
	struct state_slots slots;
	struct state_stream *s;

	state_slots_init(&slots, r, 0, 1);
	s = state_slots_stream(&slots);
	state_slot_begin(&s->seq);
	memset((uint8_t *)s + sizeof(s->seq), 'x', sizeof(*s) - sizeof(s->seq));
	state_slot_end(&s->seq);
	assert_int_equal(s->seq, 2);
	state_slots_give_stream(&slots, s);
	assert_int_equal(s->seq, 4);
	assert_true(wiped(*state, "streams", sizeof(*s)));
	state_slots_done(&slots);
	state_region_close(r);
}

static void slots_done__wipes_what_was_never_given_back(void **state)
{
	struct state_region *r = state_bed_open(*state, 1);
	struct state_slots slots;

	state_slots_init(&slots, r, 0, 1);
	strcpy(state_slots_session(&slots)->user, "alice");
	assert_false(wiped(*state, "sessions", sizeof(struct state_session)));
	state_slots_done(&slots);
	assert_true(wiped(*state, "sessions", sizeof(struct state_session)));
	state_region_close(r);
}

static void slots__without_a_region__are_those_that_nobody_sees(void **state)
{
	struct state_slots slots;

	(void)state;
	state_slots_init(&slots, NULL, 0, 1);
	assert_ptr_equal(state_slots_session(&slots), &slots.no_session);
	assert_ptr_equal(state_slots_stream(&slots), &slots.no_stream);
	state_slots_give_session(&slots, &slots.no_session);
	state_slots_done(&slots);
}

static void put_text__long_and_short__is_cut_and_cleared(void **state)
{
	char at[8] = "xxxxxxx";

	(void)state;
	state_put_text(at, sizeof(at), "ab");
	assert_memory_equal(at, "ab\0\0\0\0\0\0", 8);
	state_put_text(at, sizeof(at), "0123456789");
	assert_memory_equal(at, "0123456\0", 8);
}

/* A worker with a session and a stream, as far as showing goes. */
struct shown {
	struct state_region *r;
	struct worker w;
	struct buf_pool pool;
	struct wire_shared wires;
	struct wire *wire;
	struct link l;
	struct stream st;
};

static struct shown *show(struct state_bed *b)
{
	struct shown *s = calloc(1, sizeof(*s));

	s->r = state_bed_open(b, 1);
	s->w.loop = loop_new();
	assert_int_equal(wire_shared_init(&s->wires, &s->pool), 0);
	s->wire = wire_plain_new(&s->wires, dup(0));
	state_slots_init(&s->w.slots, s->r, 0, 1);
	s->l.w = s->st.w = &s->w;
	s->l.core.role = SESSION_SERVER;
	strcpy(s->l.tag, "s12");
	s->st.link = &s->l;
	s->st.core.id = 3;
	state_session_open(&s->l, &s->w, s->wire, "alice", "in", "%s:%u", "192.0.2.1", 4711u);
	state_stream_open(&s->st);
	return s;
}

static void hide(struct shown *s)
{
	state_stream_close(&s->st);
	state_session_close(&s->l);
	wire_free(s->wire);
	wire_shared_done(&s->wires);
	state_slots_done(&s->w.slots);
	loop_free(s->w.loop);
	state_region_close(s->r);
	free(s);
}

static void session_open__what_it_was_told__is_in_the_slot(void **state)
{
	struct shown *s = show(*state);
	const struct state_session *slot = s->l.shown;

	assert_int_equal(slot->seq % 2, 0);
	assert_int_equal(slot->role, STATE_SERVER);
	assert_int_equal(slot->wire_in, STATE_WIRE_PLAIN);
	assert_int_equal(slot->engine, STATE_ENGINE_COPY);
	assert_string_equal(slot->tag, "s12");
	assert_string_equal(slot->user, "alice");
	assert_string_equal(slot->peer, "192.0.2.1:4711");
	assert_string_equal(slot->bound, "in");
	assert_string_equal(slot->cipher, "");
	assert_int_equal(slot->streams_now, 1);
	assert_int_equal(slot->streams_ever, 1);
	hide(s);
}

static void session__wire_and_engine__are_set(void **state)
{
	struct shown *s = show(*state);

	state_session_wire(&s->l, STATE_WIRE_RECORDS, STATE_WIRE_KERNEL);
	state_session_engine(&s->l, STATE_ENGINE_SPLICE, "no sk_msg");
	assert_int_equal(s->l.shown->wire_in, STATE_WIRE_RECORDS);
	assert_int_equal(s->l.shown->wire_out, STATE_WIRE_KERNEL);
	assert_int_equal(s->l.shown->engine, STATE_ENGINE_SPLICE);
	assert_string_equal(s->l.shown->why, "no sk_msg");
	state_session_engine(&s->l, STATE_ENGINE_SOCKMAP, NULL);
	assert_string_equal(s->l.shown->why, "");
	assert_int_equal(s->l.shown->seq % 2, 0);
	hide(s);
}

static void stream__destination_engine_and_bytes__are_in_slot_and_counters(void **state)
{
	struct shown *s = show(*state);
	const struct state_counters *c = &s->w.counters;
	const union sockaddr_any src = { .in = { .sin_family = AF_INET,
						 .sin_port = htons(999),
						 .sin_addr = { htonl(0x0a000001) } } };
	struct addr dst;

	assert_int_equal(addr_from_host("example.org", 11, 443, &dst), 0);
	state_stream_ends(&s->st, &src, &dst);
	state_stream_engine(&s->st, STATE_ENGINE_SPLICE, "why");
	state_stream_copied(&s->st, true, 20);
	state_stream_copied(&s->st, true, -(uint64_t)8);
	state_stream_copied(&s->st, false, 1);
	state_stream_spliced(&s->st, true, 2);
	state_stream_spliced(&s->st, false, 3);
	state_stream_sockmap(&s->st, true, 4);
	state_stream_sockmap(&s->st, false, 5);
	assert_string_equal(s->st.shown->source, "10.0.0.1:999");
	assert_string_equal(s->st.shown->destination, "example.org:443");
	assert_string_equal(s->st.shown->session, "s12");
	assert_string_equal(s->st.shown->why, "why");
	assert_int_equal(s->st.shown->id, 3);
	assert_int_equal(s->st.shown->engine, STATE_ENGINE_SPLICE);
	assert_int_equal(s->st.shown->copied_up, 12);
	assert_int_equal(s->st.shown->copied_down, 1);
	assert_int_equal(s->st.shown->spliced_up + 10 * s->st.shown->spliced_down, 32);
	assert_int_equal(s->st.shown->sockmap_up + 10 * s->st.shown->sockmap_down, 54);
	assert_int_equal(c->bytes_copied_up + 100 * c->bytes_copied_down, 112);
	assert_int_equal(c->bytes_spliced_up + 10 * c->bytes_spliced_down, 32);
	assert_int_equal(c->bytes_sockmap_up + 10 * c->bytes_sockmap_down, 54);
	assert_int_equal(c->streams_spliced, 1);
	hide(s);
}

static void session__bytes_and_queues__are_stored(void **state)
{
	struct shown *s = show(*state);

	s->l.bytes_in = 1;
	s->l.last_read_ms = 2;
	s->l.bytes_out = 3;
	s->l.queued = 4;
	s->l.core.n_streams = 5;
	s->st.accounted = 6;
	state_session_in(&s->l);
	state_session_out(&s->l);
	state_queues(&s->l, &s->st);
	assert_int_equal(s->l.shown->bytes_in, 1);
	assert_int_equal(s->l.shown->active_ms, 2);
	assert_int_equal(s->l.shown->bytes_out, 3);
	assert_int_equal(s->l.shown->queued, 4);
	assert_int_equal(s->l.shown->streams_now, 5);
	assert_int_equal(s->st.shown->queued, 6);
	s->l.core.n_streams = 0;
	hide(s);
}

static void session_and_stream__no_slot_free__store_all_the_same(void **state)
{
	struct state_bed *b = *state;
	struct shown *s;
	struct link l = { 0 };
	struct stream st = { 0 };

	b->config.state.sessions = b->config.state.streams = 1;
	s = show(b);
	l = s->l;
	st = s->st;
	st.link = &l;
	state_session_open(&l, &s->w, s->wire, "bob", "in", "there");
	state_stream_open(&st);
	state_stream_copied(&st, true, 9);
	assert_int_equal(s->w.counters.sessions_not_shown, 1);
	assert_int_equal(s->w.counters.streams_not_shown, 1);
	assert_string_equal(s->r->sessions[0].user, "alice");
	state_stream_close(&st);
	state_session_close(&l);
	assert_string_equal(s->r->sessions[0].user, "alice");
	hide(s);
}

static void session_close__slot_is_wiped_and_late_stores_go_nowhere(void **state)
{
	struct shown *s = show(*state);

	state_stream_close(&s->st);
	state_session_close(&s->l);
	s->l.bytes_in = s->l.queued = 77;
	state_session_in(&s->l);
	state_queues(&s->l, &s->st);
	state_stream_copied(&s->st, false, 77);
	assert_true(wiped(*state, "sessions", sizeof(struct state_session)));
	assert_true(wiped(*state, "streams", sizeof(struct state_stream)));
	hide(s);
}

#define slots_test(f) cmocka_unit_test_setup_teardown(f, state_bed_set_up, state_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		slots_test(slots__of_all_workers__are_all_slots_each_once),
		slots_test(slots__more_workers_than_slots__some_have_none),
		slots_test(slots__given_back__are_taken_again),
		slots_test(slots__given_back__are_wiped_and_have_another_seq),
		slots_test(slots_done__wipes_what_was_never_given_back),
		slots_test(slots__without_a_region__are_those_that_nobody_sees),
		slots_test(put_text__long_and_short__is_cut_and_cleared),
		slots_test(session_open__what_it_was_told__is_in_the_slot),
		slots_test(session__wire_and_engine__are_set),
		slots_test(stream__destination_engine_and_bytes__are_in_slot_and_counters),
		slots_test(session__bytes_and_queues__are_stored),
		slots_test(session_and_stream__no_slot_free__store_all_the_same),
		slots_test(session_close__slot_is_wiped_and_late_stores_go_nowhere),
	};

	return cmocka_run_group_tests_name("state slots", tests, NULL, NULL);
}
