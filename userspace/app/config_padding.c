// SPDX-License-Identifier: GPL-2.0-or-later
// "padding_scheme": lines in wire form, or the short form "min:max" translated to it.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"
#include "proto/padding.h"

#define SHORT_LINES_MAX 4096

/* "min:max", spaces allowed nowhere. */
static bool parse_short(const char *p, size_t n, unsigned long *ret_lo, unsigned long *ret_hi)
{
	char text[32], *end;

	if (n == 0 || n >= sizeof(text) || !isdigit((unsigned char)p[0]))
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	*ret_lo = strtoul(text, &end, 10);
	if (*end != ':' || !isdigit((unsigned char)end[1]))
		return false;
	*ret_hi = strtoul(end + 1, &end, 10);
	return *end == '\0';
}

/* The list's item that line `line` (from 1) of the joined text stands in. */
static const struct config_node *line_node(struct config_ref v, unsigned line)
{
	const struct config_node *found = v.n;
	unsigned at = 1;

	for (struct config_list l = config_list_start(v); l.item.v && at <= line;
	     config_list_next(&l)) {
		found = l.item.n;
		at++;
		for (const char *p = json_string_value(l.item.v); (p = strchr(p, '\n')); p++)
			at++;
	}
	return found;
}

struct short_form {
	unsigned lines, n_short;
	unsigned odd; /* the first line that is not like the first one, or 0 */
};

static struct short_form look(const char *text)
{
	struct short_form f = { 0 };
	bool first = false;

	for (const char *p = text, *end; *p; p = *end ? end + 1 : end) {
		unsigned long lo, hi;
		bool is_short;

		end = strchrnul(p, '\n');
		is_short = parse_short(p, (size_t)(end - p), &lo, &hi);
		if (f.lines++ == 0)
			first = is_short;
		f.n_short += is_short;
		if (is_short != first && !f.odd)
			f.odd = f.lines;
	}
	return f;
}

static bool check_range(struct config_reader *r, const struct config_node *n, unsigned long lo,
			unsigned long hi)
{
	if (hi < lo)
		config_error(&r->report, n, "min:max: %lu is above %lu", lo, hi);
	else if (hi == 0 || hi > PADDING_TEXT_MAX)
		config_error(&r->report, n, "min:max: sizes go from 1 to %d", PADDING_TEXT_MAX);
	else
		return true;
	return false;
}

/* Every line is "min:max": line i becomes "i=min-max", and their number is `stop`. */
static char *translate(struct config_reader *r, struct config_ref v, const char *text,
		       unsigned lines)
{
	char *wire = NULL, *shown;
	size_t size = 0;
	unsigned line = 0;
	bool good = true;
	FILE *f = open_memstream(&wire, &size);

	if (!f) {
		r->oom = true;
		return NULL;
	}
	fprintf(f, "stop=%u", lines);
	for (const char *p = text, *end; *p; p = *end ? end + 1 : end, line++) {
		unsigned long lo = 0, hi = 0;

		end = strchrnul(p, '\n');
		parse_short(p, (size_t)(end - p), &lo, &hi);
		good = check_range(r, line_node(v, line + 1), lo, hi) && good;
		/* peers skip a range that starts at 0 */
		fprintf(f, "\n%u=%lu-%lu", line, lo ? lo : 1, hi);
	}
	if (fclose(f) != 0 || !wire) {
		r->oom = true;
		good = false;
	}
	shown = good ? strdup(wire) : NULL;
	for (char *p = shown; p && (p = strchr(p, '\n')); p++)
		*p = ' ';
	if (good)
		config_note(&r->report, v.n, "short form \"min:max\" translated to \"%.200s%s\"",
			    shown ? shown : "", shown && strlen(shown) > 200 ? "..." : "");
	free(shown);
	if (!good) {
		free(wire);
		wire = NULL;
	}
	return wire;
}

static bool check_wire(struct config_reader *r, struct config_ref v, const char *text)
{
	const char *wrong;
	struct padding scheme;
	unsigned line = 1;
	size_t n = strlen(text);

	if (n > PADDING_TEXT_MAX) {
		config_error(&r->report, v.n, "%zu bytes; at most %d fit into a frame", n,
			     PADDING_TEXT_MAX);
		return false;
	}
	wrong = padding_lint(text, n, &line);
	if (wrong) {
		config_error(&r->report, line_node(v, line), "line %u: %s", line, wrong);
		return false;
	}
	if (padding_parse(text, n, &scheme) < 0) {
		config_error(&r->report, v.n,
			     "no line \"stop=NUMBER\": peers would refuse the scheme");
		return false;
	}
	return true;
}

/* In a list each item is one line; CR is refused wherever it is (protocol notes 4.1). */
static bool broken_line(struct config_reader *r, struct config_ref v)
{
	if (!json_is_array(v.v))
		return false;
	for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l))
		if (strchr(json_string_value(l.item.v), '\n')) {
			config_error(&r->report, l.item.n, "a line break inside a line");
			return true;
		}
	return false;
}

char *config_read_padding(struct config_reader *r, struct config_ref v)
{
	struct short_form f;
	char *text, *wire;

	if (!v.v)
		return config_strdup(r, padding_default);
	if (!config_read_joined(r, v, '\n', &text))
		return NULL;
	if (broken_line(r, v)) {
		config_set(&text, NULL);
		return NULL;
	}
	f = look(text);
	if (*text == '\0') {
		config_set(&text, config_strdup(r, padding_default));
	} else if (f.n_short > 0 && f.odd) {
		config_error(&r->report, line_node(v, f.odd),
			     "line %u: \"min:max\" and \"packet=sizes\" lines cannot be mixed",
			     f.odd);
		config_set(&text, NULL);
	} else if (f.n_short > SHORT_LINES_MAX) {
		config_error(&r->report, v.n, "more than %d lines", SHORT_LINES_MAX);
		config_set(&text, NULL);
	} else if (f.n_short > 0) {
		wire = translate(r, v, text, f.lines);
		config_set(&text, wire);
	}
	if (text && !check_wire(r, v, text))
		config_set(&text, NULL);
	return text;
}
