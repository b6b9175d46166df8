// SPDX-License-Identifier: GPL-2.0-or-later
// The client's side of a session: what each frame means, however it is cut.
#include "core/session.h"

#include "hex.h"
#include "session_cuts.h"

#define FRAMES_MAX 8
#define CLIENT	   .role = SESSION_CLIENT

struct frame_text {
	uint8_t cmd;
	uint32_t id;
	const char *data; /* NULL: no frame */
};

static const struct {
	const char *name;
	struct cuts_setup set;
	struct frame_text frames[FRAMES_MAX];
	const char *want;
} rows[] = {
	{ "SYN and Settings",
	  { CLIENT, .open = { 1 } },
	  { { FRAME_SYN, 2, "" },
	    { FRAME_SYN, 0, "" },
	    { FRAME_SETTINGS, 0, "v=2" },
	    { FRAME_PSH, 2, "lost" },
	    { FRAME_PSH, 1, "x" } },
	  "data 1 'x'\n" },
	{ "SYNACK", { CLIENT, .open = { 1 } }, { { FRAME_SYNACK, 1, "" } }, "synack 1 ''\n" },
	{ "SYNACK with a reason",
	  { CLIENT, .open = { 1 } },
	  { { FRAME_SYNACK, 1, "connection refused" } },
	  "synack 1 'connection refused'\n" },
	{ "SYNACK with a reason and FIN",
	  { CLIENT, .open = { 1, 2 } },
	  { { FRAME_SYNACK, 1, "no" }, { FRAME_FIN, 1, "" }, { FRAME_SYNACK, 2, "" } },
	  "synack 1 'no'\nfin 1\nsynack 2 ''\n" },
	{ "SYNACK of an unknown id",
	  { CLIENT, .open = { 2 } },
	  { { FRAME_SYNACK, 1, "no" }, { FRAME_SYNACK, 0, "" }, { FRAME_SYNACK, 2, "" } },
	  "synack 2 ''\n" },
	{ "SYNACK, data and FIN",
	  { CLIENT, .open = { 1 } },
	  { { FRAME_SYNACK, 1, "" },
	    { FRAME_PSH, 1, "answer" },
	    { FRAME_FIN, 1, "" },
	    { FRAME_PSH, 1, "x" } },
	  "synack 1 ''\ndata 1 'answer'\nfin 1\n" },
	{ "FIN in answer to ours",
	  { CLIENT, .open = { 2 } },
	  { { FRAME_FIN, 1, "" }, { FRAME_PSH, 2, "x" } },
	  "data 2 'x'\n" },
	{ "late data of a closed stream",
	  { CLIENT, .open = { 2 } },
	  { { FRAME_PSH, 1, "late" },
	    { FRAME_PSH, 2, "a" },
	    { FRAME_PSH, 1, "late" },
	    { FRAME_PSH, 2, "b" } },
	  "data 2 'ab'\n" },
	{ "FIN of a stream that stays in the table",
	  { CLIENT, .open = { 1 }, .keep = true },
	  { { FRAME_FIN, 1, "" }, { FRAME_FIN, 1, "" } },
	  "fin 1\nfin 1\n" },
	{ "ServerSettings of v2",
	  { CLIENT },
	  { { FRAME_SERVER_SETTINGS, 0, "v=2" } },
	  "version\n" },
	{ "ServerSettings of v2, repeated",
	  { CLIENT },
	  { { FRAME_SERVER_SETTINGS, 0, "v=2" }, { FRAME_SERVER_SETTINGS, 5, "v=2" } },
	  "version\n" },
	{ "ServerSettings of v3",
	  { CLIENT },
	  { { FRAME_SERVER_SETTINGS, 0, "x=\nv=3\n" } },
	  "version\n" },
	{ "ServerSettings of v1",
	  { CLIENT },
	  { { FRAME_SERVER_SETTINGS, 0, "v=1" },
	    { FRAME_SERVER_SETTINGS, 0, "" },
	    { FRAME_SERVER_SETTINGS, 0, "v=2\r" },
	    { FRAME_SERVER_SETTINGS, 0, "V=2" } },
	  "" },
	{ "a new scheme",
	  { CLIENT },
	  { { FRAME_UPDATE_PADDING, 0, "stop=1\n0=9-9" }, { FRAME_UPDATE_PADDING, 4, "" } },
	  "scheme 'stop=1\n0=9-9'\nscheme ''\n" },
	{ "two schemes, then ServerSettings",
	  { CLIENT },
	  { { FRAME_UPDATE_PADDING, 0, "stop=1" },
	    { FRAME_UPDATE_PADDING, 0, "stop=2" },
	    { FRAME_SERVER_SETTINGS, 0, "v=2" } },
	  "scheme 'stop=1'\nscheme 'stop=2'\nversion\n" },
	{ "Alert",
	  { CLIENT, .open = { 1 } },
	  { { FRAME_ALERT, 0, "outdated client" }, { FRAME_PSH, 1, "x" } },
	  "alert 'outdated client'\n" },
	{ "empty Alert",
	  { CLIENT, .open = { 1 } },
	  { { FRAME_ALERT, 0, "" }, { FRAME_PSH, 1, "x" } },
	  "data 1 'x'\n" },
	{ "heartbeats",
	  { CLIENT },
	  { { FRAME_HEART_REQUEST, 0, "" },
	    { FRAME_HEART_REQUEST, 7, "" },
	    { FRAME_HEART_RESPONSE, 0, "" } },
	  "send 9 0 ''\nsend 9 7 ''\nheard\n" },
	{ "Waste and unknown commands between all",
	  { CLIENT, .open = { 1 } },
	  { { FRAME_WASTE, 0, "zeros" },
	    { FRAME_PSH, 1, "a" },
	    { FRAME_WASTE, 1, "" },
	    { 77, 1, "12345" },
	    { FRAME_PSH, 1, "" },
	    { FRAME_PSH, 1, "b" } },
	  "data 1 'ab'\n" },
};

static void session_feed__clients_rows__act_the_same_however_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frames f = { NULL, 0 };

		print_message("  %s\n", rows[i].name);
		for (size_t j = 0; j < FRAMES_MAX && rows[i].frames[j].data; j++)
			frames_text(&f, rows[i].frames[j].cmd, rows[i].frames[j].id,
				    rows[i].frames[j].data);
		check_cuts(&rows[i].set, &f, rows[i].want);
		frames_done(&f);
	}
}

/* The vectors of the protocol notes that a server sends, or may meet, in one string. */
static void session_feed__vectors__are_read(void **state)
{
	static const struct {
		const char *hex, *want;
	} vectors[] = {
		{ "00000000000003000000", "" },
		{ "01000000020000", "" },
		{ "03000000010000", "fin 1\n" },
		{ "0200000001000701010203040050", "data 1 '\\x01\\x01\\x02\\x03\\x04\\x00P'\n" },
		{ "020000000100130420010db800000000000000000000000101bb",
		  "data 1 '\\x04 "
		  "\\x01\\x0d\\xb8\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
		  "\\x01\\x01\\xbb'\n" },
		{ "0a000000000003763d32", "version\n" },
		{ "07000000010000", "synack 1 ''\n" },
		{ "07000000010012636f6e6e656374696f6e2072656675736564",
		  "synack 1 'connection refused'\n" },
		{ "05000000000020636c69656e7420646964206e6f742073656e64206974732073657474696e6773",
		  "alert 'client did not send its settings'\n" },
		{ "0800000000000008000000070000", "send 9 0 ''\nsend 9 7 ''\n" },
	};
	const struct cuts_setup set = { CLIENT, .open = { 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t bytes[HEX_MAX];
		struct frames f = { bytes, hex_get(vectors[i].hex, bytes) };

		check_cuts(&set, &f, vectors[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_feed__clients_rows__act_the_same_however_cut),
		cmocka_unit_test(session_feed__vectors__are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
