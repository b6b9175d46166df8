// SPDX-License-Identifier: GPL-2.0-or-later
// `anytlsctl streams`: what is proxied, by which engine, and how much.
#include <stdio.h>

#include "anytlsctl/ctl.h"

static const char *const heads[] = { "STREAM", "SOURCE",  "DESTINATION", "ENGINE", ">UP",
				     ">DOWN",  ">QUEUED", ">AGE",	 "WHY",	   NULL };

static void put_row(struct ctl_table *t, const struct state_stream *s, uint64_t now)
{
	char tag[STATE_TAG_MAX + 12];

	snprintf(tag, sizeof(tag), "%s/%u", s->session, s->id);
	ctl_cell(t, tag);
	ctl_cell(t, s->source);
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
	return json_pack("{s:o s:I s:s s:o s:o s:s s:o s:I s:I s:I s:I s:I s:I s:I s:I}", "session",
			 ctl_json_text(s->session), "id", (json_int_t)s->id, "role",
			 ctl_role(s->role), "source", ctl_json_text(s->source), "destination",
			 ctl_json_text(s->destination), "engine", ctl_engine(s->engine), "why",
			 ctl_json_text(s->why), "copied_up", (json_int_t)s->copied_up,
			 "copied_down", (json_int_t)s->copied_down, "spliced_up",
			 (json_int_t)s->spliced_up, "spliced_down", (json_int_t)s->spliced_down,
			 "sockmap_up", (json_int_t)s->sockmap_up, "sockmap_down",
			 (json_int_t)s->sockmap_down, "queued", (json_int_t)s->queued, "start_ms",
			 (json_int_t)s->start_ms);
}

static uint32_t slots(const struct state_reader *r)
{
	return r->header.streams;
}

static int entry(struct state_reader *r, uint32_t i, struct ctl_table *t, json_t *list,
		 uint64_t now)
{
	struct state_stream s;
	int got = state_reader_stream(r, i, &s);

	if (got == 1 && list)
		json_array_append_new(list, object(&s));
	else if (got == 1)
		put_row(t, &s, now);
	return got;
}

int ctl_streams(int argc, char **argv)
{
	static const struct ctl_listing listing = { "streams", heads, slots, entry };

	return ctl_list(argc, argv, &listing);
}
