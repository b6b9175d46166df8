// SPDX-License-Identifier: GPL-2.0-or-later
// Cutting bytes into frames: the largest ones, control frames in pieces, full lists of acts.
#include "core/session.h"

#include "hex.h"
#include "session_cuts.h"

#define CLIENT .role = SESSION_CLIENT
#define SERVER .role = SESSION_SERVER

/* What a session that is fed each frame at once writes down. */
static char *whole_text(const struct cuts_setup *set, const struct frames *f)
{
	struct session_run r;
	char *text;

	cuts_start(&r, set);
	run_feed(&r, f->p, f->n);
	text = strdup(run_text(&r));
	assert_non_null(text);
	run_done(&r);
	return text;
}

static void session_feed__every_header__is_consumed_with_its_data(void **state)
{
	(void)state;
	for (unsigned cmd = 0; cmd < 256; cmd++) {
		const struct cuts_setup set = { SERVER, .got_settings = true, .open = { 1 } };
		struct frames f = { NULL, 0 };
		char *text;

		if (cmd == FRAME_ALERT)
			continue;
		/* were the data not consumed, it would be a Settings frame, SYN of stream 0 and so
		 * on */
		frames_add(&f, (uint8_t)cmd, 9, "\001\0\0\0\0\0\0\005\0\0\0\0\0\0", 14);
		frames_text(&f, FRAME_PSH, 1, "in step");
		text = whole_text(&set, &f);
		assert_non_null(strstr(text, "data 1 'in step'\n"));
		assert_null(strstr(text, "close"));
		check_cuts(&set, &f, text);
		free(text);
		frames_done(&f);
	}
}

static void session_feed__largest_psh_and_waste__arrive_whole(void **state)
{
	const struct cuts_setup set = { SERVER, .got_settings = true, .open = { 1 } };
	struct frames f = { NULL, 0 };
	struct session_run r;
	struct frames data = { NULL, 0 };

	(void)state;
	frames_fill(&data, FRAME_PSH, 1, 2 * 32767);
	frames_add(&f, FRAME_WASTE, 0, data.p, 65535);
	frames_add(&f, FRAME_PSH, 1, data.p, 65535);
	frames_add(&f, 77, 1, data.p, 65535);
	frames_add(&f, FRAME_PSH, 1, data.p, 65535);
	cuts_start(&r, &set);
	run_feed(&r, f.p, f.n);
	assert_int_equal(r.data_id, 1);
	assert_int_equal(r.data_len, 2 * 65535);
	check_cuts(&set, &f, run_text(&r));
	run_done(&r);
	frames_done(&f);
	frames_done(&data);
}

static void check_control(uint8_t cmd, uint32_t id, size_t n, const char *word)
{
	const struct cuts_setup set = { CLIENT, .open = { 1 } };
	struct frames f = { NULL, 0 };
	char want[40], *text;

	frames_fill(&f, cmd, id, n);
	if (cmd != FRAME_ALERT)
		frames_text(&f, FRAME_PSH, 1, "next");
	text = whole_text(&set, &f);
	snprintf(want, sizeof(want), "%s %zu bytes #", word, n);
	assert_memory_equal(text, want, strlen(want));
	check_cuts(&set, &f, text);
	free(text);
	frames_done(&f);
}

static void session_feed__large_control_frames_in_pieces__are_collected(void **state)
{
	static const size_t sizes[] = { 41, 255, 16384, 65534, 65535 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_control(FRAME_UPDATE_PADDING, 0, sizes[i], "scheme");
		check_control(FRAME_SYNACK, 1, sizes[i], "synack 1");
		check_control(FRAME_ALERT, 0, sizes[i], "alert");
	}
}

static void session_feed__large_settings_in_pieces__are_collected(void **state)
{
	const struct cuts_setup set = { SERVER };
	struct frames f = { NULL, 0 };
	char *text = malloc(65536);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 65535);
	memcpy(text, "client=", 7);
	memcpy(text + 65535 - 4, "\nv=2", 4);
	frames_add(&f, FRAME_SETTINGS, 0, text, 65535);
	frames_text(&f, FRAME_SYN, 1, "");
	check_cuts(&set, &f, "send-scheme\nsend 10 0 'v=2'\nopen 1\n");
	free(text);
	frames_done(&f);
}

/* The first frame starts before the feed and the others are whole, or cut by its end. */
static void session_feed__control_frames_one_after_another__keep_their_data(void **state)
{
	const struct cuts_setup set = { CLIENT, .open = { 1, 2, 3 } };
	struct frames f = { NULL, 0 };

	(void)state;
	frames_text(&f, FRAME_SYNACK, 1, "the first reason");
	frames_text(&f, FRAME_SYNACK, 2, "another");
	frames_text(&f, FRAME_UPDATE_PADDING, 0, "stop=4\n0=8-8");
	frames_text(&f, FRAME_SERVER_SETTINGS, 0, "v=2");
	frames_text(&f, FRAME_SYNACK, 3, "");
	frames_text(&f, FRAME_UPDATE_PADDING, 0, "stop=5");
	frames_text(&f, FRAME_ALERT, 0, "good bye");
	check_cuts(&set, &f,
		   "synack 1 'the first reason'\nsynack 2 'another'\n"
		   "scheme 'stop=4\n0=8-8'\nversion\nsynack 3 ''\n"
		   "scheme 'stop=5'\nalert 'good bye'\n");
	frames_done(&f);
}

static void session_feed__more_acts_than_fit__come_in_several_calls(void **state)
{
	const struct cuts_setup set = { SERVER };
	struct frames f = { NULL, 0 };
	struct acts acts;
	struct session s;
	char *text;
	size_t used = 0;
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		frames_text(&f, FRAME_SETTINGS, 0, "v=2"); /* two acts */
		frames_text(&f, FRAME_HEART_REQUEST, 0, "");
	}
	session_init(&s, SESSION_SERVER);
	s.padding_md5 = RUN_MD5;
	while (used < f.n) {
		ssize_t took = session_feed(&s, f.p + used, f.n - used, &acts);

		assert_true(took > 0);
		assert_true(acts.n <= ACTS_MAX);
		used += (size_t)took;
		n += acts.n;
	}
	assert_int_equal(n, 1500);
	session_done(&s);
	text = whole_text(&set, &f);
	check_cuts(&set, &f, text);
	free(text);
	frames_done(&f);
}

static void session_feed__no_bytes__makes_no_acts(void **state)
{
	struct session s;
	struct acts acts = { .n = 5 };

	(void)state;
	session_init(&s, SESSION_SERVER);
	assert_int_equal(session_feed(&s, (const uint8_t *)"", 0, &acts), 0);
	assert_int_equal(acts.n, 0);
	session_done(&s);
}

static void session_done__within_a_control_frame__releases_it(void **state)
{
	struct frames f = { NULL, 0 };
	struct session_run r;

	(void)state;
	run_init(&r, SESSION_CLIENT);
	frames_fill(&f, FRAME_UPDATE_PADDING, 0, 1000);
	run_feed(&r, f.p, 500);
	assert_non_null(r.s.control);
	assert_string_equal(run_text(&r), "");
	run_done(&r); /* a leak is the sanitizer's to find */
	assert_null(r.s.control);
	frames_done(&f);
}

static void session_feed__a_thousand_streams__find_their_own(void **state)
{
	struct session_run r;
	struct frames f = { NULL, 0 };
	const char *at;

	(void)state;
	run_init(&r, SESSION_SERVER);
	r.s.got_settings = true;
	for (uint32_t id = 1; id <= 1000; id++)
		frames_text(&f, FRAME_SYN, id * 4099, "");
	for (uint32_t id = 1000; id > 0; id--)
		frames_text(&f, FRAME_PSH, id * 4099, "x");
	run_feed(&r, f.p, f.n);
	assert_int_equal(r.s.n_streams, 1000);
	at = strstr(run_text(&r), "data");
	for (uint32_t id = 1000; id > 0; id--) {
		char want[32];

		snprintf(want, sizeof(want), "data %u 'x'\n", id * 4099);
		assert_memory_equal(at, want, strlen(want));
		at += strlen(want);
	}
	assert_string_equal(at, "");
	run_done(&r);
	frames_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_feed__every_header__is_consumed_with_its_data),
		cmocka_unit_test(session_feed__largest_psh_and_waste__arrive_whole),
		cmocka_unit_test(session_feed__large_control_frames_in_pieces__are_collected),
		cmocka_unit_test(session_feed__large_settings_in_pieces__are_collected),
		cmocka_unit_test(session_feed__control_frames_one_after_another__keep_their_data),
		cmocka_unit_test(session_feed__more_acts_than_fit__come_in_several_calls),
		cmocka_unit_test(session_feed__no_bytes__makes_no_acts),
		cmocka_unit_test(session_done__within_a_control_frame__releases_it),
		cmocka_unit_test(session_feed__a_thousand_streams__find_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
