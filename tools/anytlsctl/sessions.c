// SPDX-License-Identifier: GPL-2.0-or-later
// `anytlsctl sessions`: who is connected, how, and since when.
#include <stdio.h>

#include "anytlsctl/ctl.h"

static const char *const heads[] = { "TAG",    "ROLE",	 "USER",   "PEER", "VIA",  "IN/OUT",
				     "ENGINE", ">NOW",	 ">ALL",   ">IN",  ">OUT", ">QUEUED",
				     ">AGE",   ">QUIET", "CIPHER", "WHY",  NULL };

static void put_row(struct ctl_table *t, const struct state_session *s, uint64_t now)
{
	char wires[40];

	snprintf(wires, sizeof(wires), "%s/%s", ctl_wire(s->wire_in), ctl_wire(s->wire_out));
	ctl_cell(t, s->tag);
	ctl_cell(t, ctl_role(s->role));
	ctl_cell(t, s->user);
	ctl_cell(t, s->peer);
	ctl_cell(t, s->bound);
	ctl_cell(t, wires);
	ctl_cell(t, ctl_engine(s->engine));
	ctl_cell_number(t, s->streams_now);
	ctl_cell_number(t, s->streams_ever);
	ctl_cell_bytes(t, s->bytes_in);
	ctl_cell_bytes(t, s->bytes_out);
	ctl_cell_bytes(t, s->queued);
	ctl_cell_since(t, now, s->start_ms);
	ctl_cell_since(t, now, s->active_ms);
	ctl_cell(t, s->cipher);
	ctl_cell(t, s->why);
}

static json_t *object(const struct state_session *s)
{
	return json_pack("{s:o s:s s:o s:o s:o s:s s:s s:o s:s s:o s:I s:I s:I s:I s:I s:I s:I}",
			 "tag", ctl_json_text(s->tag), "role", ctl_role(s->role), "user",
			 ctl_json_text(s->user), "peer", ctl_json_text(s->peer), "bound",
			 ctl_json_text(s->bound), "wire_in", ctl_wire(s->wire_in), "wire_out",
			 ctl_wire(s->wire_out), "cipher", ctl_json_text(s->cipher), "engine",
			 ctl_engine(s->engine), "why", ctl_json_text(s->why), "streams_now",
			 (json_int_t)s->streams_now, "streams_ever", (json_int_t)s->streams_ever,
			 "bytes_in", (json_int_t)s->bytes_in, "bytes_out", (json_int_t)s->bytes_out,
			 "queued", (json_int_t)s->queued, "start_ms", (json_int_t)s->start_ms,
			 "active_ms", (json_int_t)s->active_ms);
}

static uint32_t slots(const struct state_reader *r)
{
	return r->header.sessions;
}

static int entry(struct state_reader *r, uint32_t i, struct ctl_table *t, json_t *list,
		 uint64_t now)
{
	struct state_session s;
	int got = state_reader_session(r, i, &s);

	if (got == 1 && list)
		json_array_append_new(list, object(&s));
	else if (got == 1)
		put_row(t, &s, now);
	return got;
}

int ctl_sessions(int argc, char **argv)
{
	static const struct ctl_listing listing = { "sessions", heads, slots, entry };

	return ctl_list(argc, argv, &listing);
}
