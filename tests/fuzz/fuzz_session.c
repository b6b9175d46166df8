// SPDX-License-Identifier: GPL-2.0-or-later
// A session that is fed arbitrary bytes acts the same however they are cut, in both roles, within
// its limits.
#include "core/session.h"

#include <string.h>

#include "../unit/session_run.h"
#include "fuzz.h"

#define MAX_STREAMS 3

static void start(struct session_run *r, enum session_role role)
{
	run_init(r, role);
	r->s.max_streams = MAX_STREAMS;
	if (role == SESSION_SERVER)
		return;
	for (uint32_t id = 1; id <= MAX_STREAMS; id++)
		run_open(r, id);
}

static void check_table(struct session_run *r)
{
	struct session_stream *st, *next;
	unsigned n = 0;

	HASH_ITER (hh, r->s.streams, st, next) {
		CHECK(session_find(&r->s, st->id) == st);
		CHECK(r->s.role == SESSION_CLIENT || st->id != 0);
		n++;
	}
	CHECK(n == r->s.n_streams && n <= MAX_STREAMS);
}

static void check_role(enum session_role role, const uint8_t *cuts, size_t n_cuts, const uint8_t *p,
		       size_t n)
{
	struct session_run whole, pieces;
	size_t at = 0;

	start(&whole, role);
	start(&pieces, role);
	run_feed(&whole, p, n);
	check_table(&whole);
	for (size_t i = 0; at < n; i++) {
		size_t piece = n_cuts > 0 ? cuts[i % n_cuts] : 1;

		piece = piece == 0 ? 1 : piece < n - at ? piece : n - at;
		run_feed(&pieces, p + at, piece);
		check_table(&pieces);
		at += piece;
	}
	CHECK(strcmp(run_text(&whole), run_text(&pieces)) == 0);
	CHECK(whole.over == pieces.over && whole.s.v2 == pieces.s.v2);
	CHECK(whole.s.got_settings == pieces.s.got_settings);
	CHECK(whole.over ||
	      (whole.s.left == pieces.s.left && whole.s.hdr_have == pieces.s.hdr_have));
	run_done(&whole);
	run_done(&pieces);
}

/* The first byte says how many cut bytes follow, each the length of a piece; then come the frames.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n_cuts;

	if (size < 1 || size - 1 < data[0])
		return 0;
	n_cuts = data[0];
	check_role(SESSION_SERVER, data + 1, n_cuts, data + 1 + n_cuts, size - 1 - n_cuts);
	check_role(SESSION_CLIENT, data + 1, n_cuts, data + 1 + n_cuts, size - 1 - n_cuts);
	return 0;
}
