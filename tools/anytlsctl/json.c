// SPDX-License-Identifier: GPL-2.0-or-later
// JSON answers, and the words that stand for numbers.
#include <stdio.h>
#include <stdlib.h>

#include "anytlsctl/ctl.h"

json_t *ctl_json_text(const char *text)
{
	json_t *j = json_string(text);
	char *escaped;

	if (j) /* it is UTF-8; printed in ASCII it cannot harm a terminal */
		return j;
	escaped = ctl_escape(text);
	j = json_string(escaped);
	free(escaped);
	return j;
}

json_t *ctl_json_daemon(const struct state_reader *r)
{
	const struct state_header *h = &r->header;

	return json_pack(
		"{s:b s:o s:o s:o s:i s:I s:I s:I s:s s:i s:i s:i}", "live", r->live, "program",
		ctl_json_text(h->program), "name", ctl_json_text(h->name), "directory",
		ctl_json_text(r->path), "pid", (int)h->pid, "generation", (json_int_t)h->generation,
		"start_wall_ms", (json_int_t)h->start_wall_ms, "start_ms", (json_int_t)h->start_ms,
		"backing", h->backing == STATE_BACKING_BPF ? "bpf" : "file", "workers",
		(int)h->workers, "sessions_max", (int)h->sessions, "streams_max", (int)h->streams);
}

int ctl_json_print(json_t *j)
{
	int err = j ? json_dumpf(j, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII) : -1;

	json_decref(j);
	if (err == 0 && putchar('\n') != EOF && fflush(stdout) == 0)
		return CTL_OK;
	fprintf(stderr, "%s: cannot write JSON\n", CTL_NAME);
	return CTL_PROBLEM;
}

const char *ctl_role(enum state_role role)
{
	return role == STATE_SERVER ? "server" : role == STATE_CLIENT ? "client" : "";
}

const char *ctl_wire(enum state_wire wire)
{
	static const char *const names[] = { "plain", "ssl", "records", "kernel" };

	return names[wire];
}

const char *ctl_engine(enum state_engine engine)
{
	static const char *const names[] = { "auto", "copy", "splice", "sockmap" };

	return names[engine];
}
