// SPDX-License-Identifier: GPL-2.0-or-later
// The reader: what it sees of the living and of the dead, of a slot that changes, and of damaged
// files.
#include <pthread.h>
#include <stdatomic.h>

#include "state_bed.h"

static int open_reader(struct state_bed *b, struct state_reader *r)
{
	return state_reader_open(r, b->dir, b->why, sizeof(b->why));
}

/* Opens what must be good. */
static struct state_reader must_open(struct state_bed *b)
{
	struct state_reader r;

	if (open_reader(b, &r) != 0)
		fail_msg("%s", b->why);
	return r;
}

static void reader__living_daemon__is_live(void **state)
{
	struct state_region *region = state_bed_open(*state, 2);
	struct state_reader r = must_open(*state);

	assert_true(r.live);
	assert_int_equal(r.header.pid, getpid());
	assert_int_equal(r.header.workers, 2);
	state_reader_close(&r);
	state_region_close(region);
}

/* Reading must not keep the daemon from its lock, nor take it away. */
static void reader__many_look__the_daemon_keeps_its_folder(void **state)
{
	struct state_region *region = state_bed_open(*state, 1);
	struct state_reader first = must_open(*state), second = must_open(*state);

	state_reader_close(&first);
	assert_int_equal(state_reader_refresh(&second, ((struct state_bed *)*state)->why, 100), 0);
	assert_true(second.live);
	state_reader_close(&second);
	state_region_close(region);
}

static void reader__after_a_crash__has_what_was_left(void **state)
{
	struct state_reader r;
	struct state_session s;

	state_bed_crash(*state);
	r = must_open(*state);
	assert_false(r.live);
	assert_int_equal(r.header.live, 1);
	assert_int_equal(state_reader_session(&r, 0, &s), 1);
	assert_string_equal(s.user, "alice");
	assert_int_equal(state_reader_session(&r, 1, &s), 0);
	state_reader_close(&r);
}

static void reader__no_folder__is_enoent(void **state)
{
	struct state_reader r;

	assert_int_equal(open_reader(*state, &r), -ENOENT);
	assert_false(r.live);
	state_reader_close(&r);
}

static void reader__counters__are_summed_over_workers(void **state)
{
	struct state_region *region = state_bed_open(*state, 3);
	struct state_reader r = must_open(*state);
	struct state_counters sum;

	for (unsigned i = 0; i < 3; i++) {
		region->workers[i].connections = 1 + i;
		region->workers[i].streams_not_shown = 10;
	}
	assert_int_equal(state_reader_counters(&r, &sum), 0);
	assert_int_equal(sum.connections, 6);
	assert_int_equal(sum.streams_not_shown, 30);
	assert_int_equal(sum.sessions, 0);
	state_reader_close(&r);
	state_region_close(region);
}

static void reader__half_written_slot__is_told(void **state)
{
	struct state_region *region = state_bed_open(*state, 1);
	struct state_reader r = must_open(*state);
	struct state_slots slots;
	struct state_session *slot, s;

	state_slots_init(&slots, region, 0, 1);
	slot = state_slots_session(&slots);
	state_slot_begin(&slot->seq);
	slot->role = STATE_SERVER;
	assert_int_equal(state_reader_session(&r, 0, &s), -EAGAIN);
	state_slot_end(&slot->seq);
	assert_int_equal(state_reader_session(&r, 0, &s), 1);
	state_slots_give_session(&slots, slot);
	assert_int_equal(state_reader_session(&r, 0, &s), 0);
	state_slots_done(&slots);
	state_reader_close(&r);
	state_region_close(region);
}

struct writer {
	struct state_slots slots;
	_Atomic bool stop;
};

/* Sessions whose texts all consist of one letter, each of another one. */
static void *write_letters(void *arg)
{
	struct writer *w = arg;
	char text[64] = "";

	for (unsigned i = 0; !atomic_load(&w->stop); i++) {
		struct state_session *s = state_slots_session(&w->slots);

		memset(text, 'a' + i % 26, sizeof(text) - 1);
		state_slot_begin(&s->seq);
		s->role = STATE_CLIENT;
		state_put_text(s->user, sizeof(s->user), text);
		state_put_text(s->peer, sizeof(s->peer), text);
		state_put_text(s->why, sizeof(s->why), text);
		state_slot_end(&s->seq);
		state_slots_give_session(&w->slots, s);
	}
	return NULL;
}

/* Whether a text has the length and letters that it must. */
static void check_letters(const char *text, size_t len, char letter)
{
	assert_int_equal(strlen(text), len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(text[i], letter);
}

static void reader__slot_that_changes_all_the_time__is_never_mixed(void **state)
{
	struct state_region *region = state_bed_open(*state, 1);
	struct state_reader r = must_open(*state);
	struct writer w = { .stop = false };
	struct state_session s;
	pthread_t thread;
	unsigned seen = 0;

	state_slots_init(&w.slots, region, 0, 1);
	assert_int_equal(pthread_create(&thread, NULL, write_letters, &w), 0);
	for (unsigned i = 0; i < 2000000 && seen < 200; i++) {
		if (state_reader_session(&r, 0, &s) != 1)
			continue;
		seen++;
		check_letters(s.user, sizeof(s.user) - 1, s.user[0]);
		check_letters(s.peer, sizeof(s.peer) - 1, s.user[0]);
		check_letters(s.why, sizeof(s.why) - 1, s.user[0]);
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(seen, 200);
	state_slots_done(&w.slots);
	state_reader_close(&r);
	state_region_close(region);
}

/* Everything that can be read of a region is read; nothing may be out of its range. */
static void read_all(struct state_reader *r)
{
	struct state_counters sum;
	struct state_session s;
	struct state_stream t;

	state_reader_counters(r, &sum);
	for (uint32_t i = 0; i < r->header.sessions; i++)
		if (state_reader_session(r, i, &s) == 1) {
			assert_true(memchr(s.tag, 0, sizeof(s.tag)) &&
				    memchr(s.user, 0, sizeof(s.user)) &&
				    memchr(s.peer, 0, sizeof(s.peer)) &&
				    memchr(s.bound, 0, sizeof(s.bound)) &&
				    memchr(s.cipher, 0, sizeof(s.cipher)) &&
				    memchr(s.why, 0, sizeof(s.why)));
			assert_true(s.role == STATE_SERVER || s.role == STATE_CLIENT);
			assert_in_range(s.wire_in, 0, STATE_WIRE_KERNEL);
			assert_in_range(s.wire_out, 0, STATE_WIRE_KERNEL);
			assert_in_range(s.engine, 0, STATE_ENGINE_SOCKMAP);
		}
	for (uint32_t i = 0; i < r->header.streams; i++)
		if (state_reader_stream(r, i, &t) == 1) {
			assert_true(memchr(t.session, 0, sizeof(t.session)) &&
				    memchr(t.destination, 0, sizeof(t.destination)) &&
				    memchr(t.why, 0, sizeof(t.why)));
			assert_in_range(t.engine, 0, STATE_ENGINE_SOCKMAP);
		}
}

static void overwrite(struct state_bed *b, const char *name, size_t off, const void *p, size_t n)
{
	char path[200];
	int fd;

	state_bed_path(b, name, path);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, p, n, (off_t)off), n);
	close(fd);
}

static void reader__header_that_lies__is_refused(void **state)
{
	static const struct {
		size_t off;
		uint32_t value;
		const char *why;
	} lies[] = {
		{ offsetof(struct state_header, magic), 0, "no region" },
		{ offsetof(struct state_header, version), STATE_VERSION + 1, "another version" },
		{ offsetof(struct state_header, header_size), 8, "another version" },
		{ offsetof(struct state_header, worker_size), 0, "another version" },
		{ offsetof(struct state_header, session_size), 255, "another version" },
		{ offsetof(struct state_header, stream_size), 1 << 30, "another version" },
		{ offsetof(struct state_header, workers), 0, "out of range" },
		{ offsetof(struct state_header, workers), 257, "out of range" },
		{ offsetof(struct state_header, sessions), 0, "out of range" },
		{ offsetof(struct state_header, sessions), UINT32_MAX, "out of range" },
		{ offsetof(struct state_header, streams), STATE_SLOTS_MAX + 1, "out of range" },
		{ offsetof(struct state_header, workers), 256, "too short" },
		{ offsetof(struct state_header, sessions), 101, "too short" },
		{ offsetof(struct state_header, streams), 131, "too short" },
	};
	struct state_bed *b = *state;

	state_bed_crash(b);
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct state_reader r = must_open(b);
		struct state_header good = r.header;

		state_reader_close(&r);
		overwrite(b, "header", lies[i].off, &lies[i].value, sizeof(lies[i].value));
		assert_int_equal(open_reader(b, &r), -EPROTO);
		if (!strstr(b->why, lies[i].why))
			fail_msg("%zu: %s", i, b->why);
		state_reader_close(&r);
		overwrite(b, "header", 0, &good, sizeof(good));
	}
}

static void reader__files_cut_anywhere__is_refused(void **state)
{
	static const size_t sizes[STATE_ARRAYS] = { 184, 224, 100 * 256, 130 * 192 };
	struct state_bed *b = *state;
	struct state_reader r;
	char path[200];

	state_bed_crash(b);
	for (int i = STATE_ARRAYS - 1; i >= 0; i--) {
		state_bed_path(b, state_array_names[i], path);
		for (size_t n = 0; n < sizes[i]; n += i ? 101 : 1) {
			assert_int_equal(truncate(path, (off_t)n), 0);
			assert_int_equal(open_reader(b, &r), -EPROTO);
			state_reader_close(&r);
		}
	}
}

static void reader__files_cut_while_open__is_an_error_and_no_signal(void **state)
{
	struct state_bed *b = *state;
	struct state_reader r;
	struct state_session s;
	struct state_stream t;
	struct state_counters sum;
	char path[200];

	state_bed_crash(b);
	r = must_open(b);
	for (int i = STATE_WORKERS; i < STATE_ARRAYS; i++) {
		state_bed_path(b, state_array_names[i], path);
		assert_int_equal(truncate(path, 0), 0);
	}
	assert_int_equal(state_reader_session(&r, 0, &s), -EIO);
	assert_int_equal(state_reader_stream(&r, 129, &t), -EIO);
	assert_int_equal(state_reader_counters(&r, &sum), -EIO);
	state_reader_close(&r);
}

/* The arrays full of one byte, or of noise; seeds are fixed, so it is the same in each run. */
static void reader__garbage__is_in_range_when_it_comes_out(void **state)
{
	struct state_bed *b = *state;
	size_t sizes[STATE_ARRAYS] = { 0, 224, 100 * 256, 130 * 192 };
	uint8_t *noise = malloc(sizes[STATE_SESSIONS]);

	state_bed_crash(b);
	for (unsigned round = 0; round < 64; round++) {
		struct state_reader r;

		srand(round);
		for (int i = STATE_WORKERS; i < STATE_ARRAYS; i++) {
			for (size_t k = 0; k < sizes[i]; k++)
				noise[k] = round < 32 ? (uint8_t)(round * 8 + 2) : (uint8_t)rand();
			overwrite(b, state_array_names[i], 0, noise, sizes[i]);
		}
		r = must_open(b);
		read_all(&r);
		state_reader_close(&r);
	}
	free(noise);
}

/* A header of noise behind a right beginning. */
static void reader__garbage_in_the_header__is_refused_or_in_range(void **state)
{
	struct state_bed *b = *state;
	struct state_header h;

	state_bed_crash(b);
	for (unsigned round = 0; round < 500; round++) {
		uint8_t *p = (uint8_t *)&h;
		struct state_reader r = must_open(b);
		struct state_header good = r.header;

		state_reader_close(&r);
		h = good;
		srand(round);
		for (unsigned k = 0; k < 3; k++)
			p[(size_t)rand() % sizeof(h)] = (uint8_t)rand();
		overwrite(b, "header", 0, &h, sizeof(h));
		if (open_reader(b, &r) == 0) {
			assert_non_null(memchr(r.header.name, 0, sizeof(r.header.name)));
			assert_non_null(memchr(r.header.program, 0, sizeof(r.header.program)));
			read_all(&r);
		}
		state_reader_close(&r);
		overwrite(b, "header", 0, &good, sizeof(good));
	}
}

static void make_fifo(const char *path, const char *target)
{
	(void)target;
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void make_folder(const char *path, const char *target)
{
	(void)target;
	assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(const char *path, const char *target)
{
	assert_int_equal(symlink(target, path), 0);
}

static void reader__something_else_in_place_of_a_file__is_refused(void **state)
{
	static void (*const make[])(const char *, const char *) = { make_fifo, make_folder,
								    make_link };
	struct state_bed *b = *state;
	char path[200], moved[200];
	struct state_reader r;

	state_bed_crash(b);
	state_bed_path(b, "sessions", path);
	state_bed_path(b, "elsewhere", moved);
	assert_int_equal(rename(path, moved), 0);
	for (size_t i = 0; i < sizeof(make) / sizeof(*make); i++) {
		make[i](path, moved);
		assert_true(open_reader(b, &r) < 0);
		state_reader_close(&r);
		assert_int_equal(remove(path), 0);
	}
}

/* A link that leads to maps which are none of ours, or to none at all. */
static void reader__link_to_no_maps__is_refused(void **state)
{
	struct state_bed *b = *state;
	struct state_reader r;
	char path[200];

	assert_int_equal(mkdir(b->dir, 0700), 0);
	state_bed_path(b, "bpf", path);
	assert_int_equal(symlink("/", path), 0);
	assert_true(open_reader(b, &r) < 0);
	assert_non_null(strstr(b->why, "bpf/header"));
	state_reader_close(&r);
}

#define read_test(f) cmocka_unit_test_setup_teardown(f, state_bed_set_up, state_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		read_test(reader__living_daemon__is_live),
		read_test(reader__many_look__the_daemon_keeps_its_folder),
		read_test(reader__after_a_crash__has_what_was_left),
		read_test(reader__no_folder__is_enoent),
		read_test(reader__counters__are_summed_over_workers),
		read_test(reader__half_written_slot__is_told),
		read_test(reader__slot_that_changes_all_the_time__is_never_mixed),
		read_test(reader__header_that_lies__is_refused),
		read_test(reader__files_cut_anywhere__is_refused),
		read_test(reader__files_cut_while_open__is_an_error_and_no_signal),
		read_test(reader__garbage__is_in_range_when_it_comes_out),
		read_test(reader__garbage_in_the_header__is_refused_or_in_range),
		read_test(reader__something_else_in_place_of_a_file__is_refused),
		read_test(reader__link_to_no_maps__is_refused),
	};

	return cmocka_run_group_tests_name("state reader", tests, NULL, NULL);
}
