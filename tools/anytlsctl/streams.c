// SPDX-License-Identifier: GPL-2.0-or-later
// `anytlsctl streams`: what is proxied, by which engine, and how much.
#include <stdio.h>

#include "anytlsctl/ctl.h"
#include "base/clock.h"

static const char *const heads[] = { "STREAM",	"DESTINATION", "ENGINE", ">UP", ">DOWN",
				     ">QUEUED", ">AGE",	       "WHY",	 NULL };

static void put_row(struct ctl_table *t, const struct state_stream *s, uint64_t now)
{
	char tag[STATE_TAG_MAX + 12];

	snprintf(tag, sizeof(tag), "%s/%u", s->session, s->id);
	ctl_cell(t, tag);
	ctl_cell(t, s->destination);
	ctl_cell(t, ctl_engine(s->engine));
	ctl_cell_bytes(t, s->copied_up + s->spliced_up + s->sockmap_up);
	ctl_cell_bytes(t, s->copied_down + s->spliced_down + s->sockmap_down);
	ctl_cell_bytes(t, s->queued);
	ctl_cell_since(t, now, s->start_ms);
	ctl_cell(t, s->why);
}

static json_t *object(const struct state_stream *s)
{
	return json_pack("{s:o s:I s:s s:o s:s s:o s:I s:I s:I s:I s:I s:I s:I s:I}", "session",
			 ctl_json_text(s->session), "id", (json_int_t)s->id, "role",
			 ctl_role(s->role), "destination", ctl_json_text(s->destination), "engine",
			 ctl_engine(s->engine), "why", ctl_json_text(s->why), "copied_up",
			 (json_int_t)s->copied_up, "copied_down", (json_int_t)s->copied_down,
			 "spliced_up", (json_int_t)s->spliced_up, "spliced_down",
			 (json_int_t)s->spliced_down, "sockmap_up", (json_int_t)s->sockmap_up,
			 "sockmap_down", (json_int_t)s->sockmap_down, "queued",
			 (json_int_t)s->queued, "start_ms", (json_int_t)s->start_ms);
}

int ctl_streams(int argc, char **argv)
{
	struct ctl_table t = ctl_table(heads);
	struct state_stream s;
	struct ctl_options o;
	struct state_reader r;
	json_t *list = NULL;
	uint64_t now = clock_now_ms();
	unsigned torn = 0;
	int rc;

	if (!ctl_parse(argc, argv, 0, &o))
		return CTL_USAGE;
	rc = ctl_open(&o, &r);
	if (rc != CTL_OK)
		return rc;
	if (o.json)
		list = json_array();
	for (uint32_t i = 0; i < r.header.streams; i++) {
		int got = state_reader_stream(&r, i, &s);

		torn += got < 0;
		if (got == 1 && o.json)
			json_array_append_new(list, object(&s));
		else if (got == 1)
			put_row(&t, &s, now);
	}
	return ctl_finish(&r, &t, "streams", list, torn);
}
