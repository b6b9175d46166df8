// SPDX-License-Identifier: GPL-2.0-or-later
// The object "state": what other programs may see, and where.
#include <string.h>

#include "app/config_parts.h"

#define NAME_MAX_LEN 32

/* A name for folders: no path, nothing hidden. */
static void read_name(struct config_reader *r, struct config_ref v, const struct config_row *row,
		      void *field)
{
	char *text;

	if (!config_read_string(r, v, row->min, row->max, &text))
		return;
	if (*text == '.' || text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					      "0123456789._-")])
		config_error(&r->report, v.n,
			     "must have letters, digits, '.', '_' and '-' only, not begin with "
			     "'.', and be no \"%s\"",
			     ECHO(text));
	else
		config_set(field, config_strdup(r, text));
	config_set(&text, NULL);
}

static void read_backing(struct config_reader *r, struct config_ref v, const struct config_row *row,
			 void *field)
{
	static const struct {
		const char *name;
		enum state_backing backing;
	} backings[] = { { "auto", STATE_BACKING_NONE },
			 { "bpf", STATE_BACKING_BPF },
			 { "file", STATE_BACKING_FILE } };

	(void)row;
	if (!config_want(r, v, JSON_STRING))
		return;
	for (size_t i = 0; i < sizeof(backings) / sizeof(*backings); i++)
		if (strcmp(backings[i].name, json_string_value(v.v)) == 0) {
			*(enum state_backing *)field = backings[i].backing;
			return;
		}
	config_error(&r->report, v.n, "must be \"auto\", \"bpf\" or \"file\", not \"%s\"",
		     ECHO(json_string_value(v.v)));
}

const struct config_row config_rows_state[] = {
	{ .key = "enabled",
	  .type = ROW_BOOL,
	  ROW_FIELD(struct config_state, enabled),
	  .help = "show sessions, streams and counters to anytlsctl, and take its commands" },
	{ .key = "name",
	  .type = ROW_CALL,
	  .read = read_name,
	  ROW_FIELD(struct config_state, name),
	  .min = 1,
	  .max = NAME_MAX_LEN,
	  .help = "of the instance" },
	{ .key = "sessions",
	  .type = ROW_U32,
	  ROW_FIELD(struct config_state, sessions),
	  .min = 1,
	  .max = STATE_SLOTS_MAX,
	  .help = "how many sessions are shown at most" },
	{ .key = "streams",
	  .type = ROW_U32,
	  ROW_FIELD(struct config_state, streams),
	  .min = 1,
	  .max = STATE_SLOTS_MAX,
	  .help = "how many streams are shown at most" },
	{ .key = "backing",
	  .type = ROW_CALL,
	  .read = read_backing,
	  ROW_FIELD(struct config_state, backing),
	  .help = "BPF maps, files, or what is possible" },
	{ .key = "directory",
	  .type = ROW_STRING,
	  ROW_FIELD(struct config_state, directory),
	  .min = 1,
	  .max = 4000,
	  .help = "folder of the instance" },
	{ 0 },
};
