// SPDX-License-Identifier: GPL-2.0-or-later
// The server's side of a session: what each frame means, however it is cut.
#include "core/session.h"

#include "hex.h"
#include "session_cuts.h"

#define NOT_EXPECTED "accuse 'client did not send its settings'\n"
#define DOWNGRADE    "v=1\npadding-md5=" RUN_MD5
#define FRAMES_MAX   8

struct frame_text {
	uint8_t cmd;
	uint32_t id;
	const char *data; /* NULL: no frame */
};

struct row {
	const char *name;
	struct cuts_setup set;
	struct frame_text frames[FRAMES_MAX];
	const char *want;
};

#define SERVER	.role = SESSION_SERVER
#define READY	SERVER, .got_settings = true
#define SETTING "v=2\nclient=example/1.0\npadding-md5=" RUN_MD5
#define V2	"send 10 0 'v=2'\n"

static const struct row rows[] = {
	{ "settings of v2 with our md5", { SERVER }, { { FRAME_SETTINGS, 0, SETTING } }, V2 },
	{ "settings of v2 with another md5",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "padding-md5=02492a42f272ec67da83a511666102e6\nv=2" } },
	  "send-scheme\n" V2 },
	{ "settings without md5",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "v=2" } },
	  "send-scheme\n" V2 },
	{ "settings with an md5 of capitals",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "padding-md5=75CFF2AD89AADF5E257059EE571EBE11" } },
	  "send-scheme\n" },
	{ "settings with an md5 that goes on",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "padding-md5=" RUN_MD5 "0" } },
	  "send-scheme\n" },
	{ "settings of v1",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "v=1\npadding-md5=" RUN_MD5 } },
	  "" },
	{ "settings of v3",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "v=3\npadding-md5=" RUN_MD5 } },
	  V2 },
	{ "settings of v258",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "v=258\npadding-md5=" RUN_MD5 } },
	  V2 },
	{ "settings without v", { SERVER }, { { FRAME_SETTINGS, 0, "padding-md5=" RUN_MD5 } }, "" },
	{ "settings with CR behind v",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "v=2\r\npadding-md5=" RUN_MD5 } },
	  "" },
	{ "settings with an empty client, unknown keys and LF at the end",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "client=\nx=y\npadding-md5=" RUN_MD5 "\nno pair\nv=2\n" } },
	  V2 },
	{ "settings twice and with a stream id",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "v=2" }, { FRAME_SETTINGS, 3, "v=2" }, { FRAME_SYN, 3, "" } },
	  "send-scheme\n" V2 "send-scheme\n" V2 "open 3\n" },
	{ "SYN before settings", { SERVER }, { { FRAME_SYN, 1, "" } }, NOT_EXPECTED },
	{ "SYN after empty settings",
	  { SERVER },
	  { { FRAME_SETTINGS, 0, "" }, { FRAME_SYN, 1, "" } },
	  NOT_EXPECTED },
	{ "SYN before settings with more behind it",
	  { SERVER },
	  { { FRAME_SYN, 1, "" }, { FRAME_SETTINGS, 0, SETTING }, { FRAME_SYN, 2, "" } },
	  NOT_EXPECTED },
	{ "SYN", { READY }, { { FRAME_SYN, 1, "" } }, "open 1\n" },
	{ "SYN with data",
	  { READY },
	  { { FRAME_SYN, 1, "\002\0\0" }, { FRAME_SYN, 2, "" } },
	  "open 1\nopen 2\n" },
	{ "SYN of the highest id",
	  { READY },
	  { { FRAME_SYN, UINT32_MAX, "" } },
	  "open 4294967295\n" },
	{ "SYNs in no order",
	  { READY },
	  { { FRAME_SYN, 9, "" }, { FRAME_SYN, 4, "" }, { FRAME_SYN, 7, "" } },
	  "open 9\nopen 4\nopen 7\n" },
	{ "SYN id 0", { READY }, { { FRAME_SYN, 0, "" } }, "close 'SYN with stream id 0'\n" },
	{ "SYN id 0 before settings",
	  { SERVER },
	  { { FRAME_SYN, 0, "" } },
	  "close 'SYN with stream id 0'\n" },
	{ "SYN of an open id",
	  { READY },
	  { { FRAME_SYN, 1, "" }, { FRAME_SYN, 1, "" }, { FRAME_PSH, 1, "x" } },
	  "open 1\ndata 1 'x'\n" },
	{ "SYN of a closed id",
	  { READY },
	  { { FRAME_SYN, 1, "" },
	    { FRAME_FIN, 1, "" },
	    { FRAME_SYN, 1, "" },
	    { FRAME_PSH, 1, "x" } },
	  "open 1\nfin 1\nopen 1\ndata 1 'x'\n" },
	{ "SYN over the limit",
	  { READY, .max_streams = 2 },
	  { { FRAME_SYN, 1, "" },
	    { FRAME_SYN, 2, "" },
	    { FRAME_SYN, 3, "" },
	    { FRAME_PSH, 3, "lost" },
	    { FRAME_FIN, 1, "" },
	    { FRAME_SYN, 3, "" } },
	  "open 1\nopen 2\nrefuse 3\nfin 1\nopen 3\n" },
	{ "PSH to an unknown id",
	  { READY, .open = { 1 } },
	  { { FRAME_PSH, 2, "lost" }, { FRAME_PSH, 0, "lost" }, { FRAME_PSH, 1, "kept" } },
	  "data 1 'kept'\n" },
	{ "PSH of length 0",
	  { READY, .open = { 1 } },
	  { { FRAME_PSH, 1, "" }, { FRAME_PSH, 1, "x" } },
	  "data 1 'x'\n" },
	{ "PSH of two streams",
	  { READY, .open = { 1, 2 } },
	  { { FRAME_PSH, 1, "ab" },
	    { FRAME_PSH, 2, "cd" },
	    { FRAME_PSH, 1, "ef" },
	    { FRAME_PSH, 1, "gh" } },
	  "data 1 'ab'\ndata 2 'cd'\ndata 1 'efgh'\n" },
	{ "FIN, SYN and PSH in one burst",
	  { READY, .open = { 1 } },
	  { { FRAME_PSH, 1, "last" },
	    { FRAME_FIN, 1, "" },
	    { FRAME_SYN, 2, "" },
	    { FRAME_PSH, 2, "new" } },
	  "data 1 'last'\nfin 1\nopen 2\ndata 2 'new'\n" },
	{ "PSH after FIN",
	  { READY, .open = { 1 } },
	  { { FRAME_FIN, 1, "" }, { FRAME_PSH, 1, "late" } },
	  "fin 1\n" },
	{ "FIN of an unknown id", { READY }, { { FRAME_FIN, 5, "" }, { FRAME_FIN, 0, "" } }, "" },
	{ "FIN twice",
	  { READY, .open = { 1 } },
	  { { FRAME_FIN, 1, "" }, { FRAME_FIN, 1, "" } },
	  "fin 1\n" },
	{ "an unknown command with data",
	  { READY, .open = { 1 } },
	  { { 77, 1, "12345" }, { 255, 0, "x" }, { 11, 1, "" }, { FRAME_PSH, 1, "x" } },
	  "data 1 'x'\n" },
	{ "Waste",
	  { READY, .open = { 1 } },
	  { { FRAME_WASTE, 0, "123" }, { FRAME_WASTE, 1, "" }, { FRAME_PSH, 1, "x" } },
	  "data 1 'x'\n" },
	{ "heartbeats",
	  { SERVER },
	  { { FRAME_HEART_REQUEST, 0, "" },
	    { FRAME_HEART_REQUEST, 7, "" },
	    { FRAME_HEART_REQUEST, UINT32_MAX, "data" },
	    { FRAME_HEART_RESPONSE, 7, "" } },
	  "send 9 0 ''\nsend 9 7 ''\nsend 9 4294967295 ''\nheard\n" },
	{ "what only a client may be told",
	  { READY, .v2 = true, .open = { 1 } },
	  { { FRAME_SYNACK, 1, "" },
	    { FRAME_SYNACK, 1, "refused" },
	    { FRAME_SERVER_SETTINGS, 0, "v=2" },
	    { FRAME_UPDATE_PADDING, 0, "stop=0" },
	    { FRAME_PSH, 1, "x" } },
	  "data 1 'x'\n" },
	{ "Alert",
	  { READY },
	  { { FRAME_ALERT, 0, "outdated" }, { FRAME_SYN, 1, "" } },
	  "alert 'outdated'\n" },
	{ "Alert with a stream id", { READY }, { { FRAME_ALERT, 4, "no" } }, "alert 'no'\n" },
	{ "empty Alert", { READY }, { { FRAME_ALERT, 0, "" }, { FRAME_SYN, 1, "" } }, "open 1\n" },
};

static void add_frames(struct frames *f, const struct frame_text *t)
{
	for (size_t i = 0; i < FRAMES_MAX && t[i].data; i++)
		frames_text(f, t[i].cmd, t[i].id, t[i].data);
}

static void session_feed__servers_rows__act_the_same_however_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frames f = { NULL, 0 };

		print_message("  %s\n", rows[i].name);
		add_frames(&f, rows[i].frames);
		check_cuts(&rows[i].set, &f, rows[i].want);
		frames_done(&f);
	}
}

static void session_feed__first_client_write__is_read(void **state)
{
	static const char vector[] =
		"04000000000043763d320a636c69656e743d6578616d706c652f312e300a70616464696e672d6d6435"
		"3d373563666632616438396161646635653235373035396565353731656265313101000000010000"
		"0200000001000f030b6578616d706c652e636f6d01bb";
	const struct cuts_setup set = { SERVER };
	uint8_t bytes[HEX_MAX];
	struct frames f = { bytes, hex_get(vector, bytes) };

	(void)state;
	assert_int_equal(f.n, 103);
	check_cuts(&set, &f, V2 "open 1\ndata 1 '\\x03\\x0bexample.com\\x01\\xbb'\n");
}

static void session_feed__settings__say_what_was_negotiated(void **state)
{
	struct session_run r;
	struct frames f = { NULL, 0 }, g = { NULL, 0 };

	(void)state;
	run_init(&r, SESSION_SERVER);
	frames_text(&f, FRAME_SETTINGS, 0, SETTING);
	frames_text(&g, FRAME_SETTINGS, 0, DOWNGRADE);
	assert_false(r.s.got_settings);
	run_feed(&r, f.p, f.n);
	assert_true(r.s.got_settings && r.s.v2);
	run_feed(&r, g.p, g.n);
	assert_true(r.s.got_settings && !r.s.v2);
	run_done(&r);
	frames_done(&f);
	frames_done(&g);
}

static void session_feed__empty_settings__do_not_count(void **state)
{
	struct session_run r;
	struct frames f = { NULL, 0 };

	(void)state;
	run_init(&r, SESSION_SERVER);
	frames_text(&f, FRAME_SETTINGS, 0, "");
	run_feed(&r, f.p, f.n);
	assert_false(r.s.got_settings);
	run_done(&r);
	frames_done(&f);
}

static void session_feed__push_behind_syn__waits_until_the_stream_is_there(void **state)
{
	struct session s;
	struct session_stream st = { .id = 1 };
	struct acts acts;
	struct frames f = { NULL, 0 };

	(void)state;
	session_init(&s, SESSION_SERVER);
	s.got_settings = true;
	frames_text(&f, FRAME_SYN, 1, "");
	frames_text(&f, FRAME_PSH, 1, "data");
	assert_int_equal(session_feed(&s, f.p, f.n, &acts), FRAME_HDR_LEN);
	assert_int_equal(acts.n, 1);
	assert_int_equal(acts.act[0].kind, ACT_OPEN);
	session_add(&s, &st);
	assert_int_equal(session_feed(&s, f.p + FRAME_HDR_LEN, f.n - FRAME_HDR_LEN, &acts),
			 f.n - FRAME_HDR_LEN);
	assert_int_equal(acts.n, 1);
	assert_int_equal(acts.act[0].kind, ACT_DATA);
	assert_ptr_equal(acts.act[0].stream, &st);
	session_remove(&s, &st);
	session_done(&s);
	frames_done(&f);
}

static void session_table__add_find_remove__counts(void **state)
{
	struct session_stream a = { .id = 1 }, b = { .id = 2 }, other = { .id = 2 };
	struct session s;

	(void)state;
	session_init(&s, SESSION_CLIENT);
	assert_int_equal(s.next_id, 1);
	assert_null(session_find(&s, 1));
	session_add(&s, &a);
	session_add(&s, &b);
	assert_int_equal(s.n_streams, 2);
	assert_ptr_equal(session_find(&s, 1), &a);
	assert_ptr_equal(session_find(&s, 2), &b);
	session_remove(&s, &other); /* same id, but not the one in the table */
	assert_int_equal(s.n_streams, 2);
	session_remove(&s, &b);
	session_remove(&s, &b);
	assert_null(session_find(&s, 2));
	assert_ptr_equal(session_find(&s, 1), &a);
	session_remove(&s, &a);
	assert_null(session_find(&s, 1));
	assert_int_equal(s.n_streams, 0);
	session_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_feed__servers_rows__act_the_same_however_cut),
		cmocka_unit_test(session_feed__first_client_write__is_read),
		cmocka_unit_test(session_feed__settings__say_what_was_negotiated),
		cmocka_unit_test(session_feed__empty_settings__do_not_count),
		cmocka_unit_test(session_feed__push_behind_syn__waits_until_the_stream_is_there),
		cmocka_unit_test(session_table__add_find_remove__counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
