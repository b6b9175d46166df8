// SPDX-License-Identifier: GPL-2.0-or-later
// Prints problems of a configuration with their place, up to a limit.
#include "app/config_report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_tree.h"
#include "app/jsonc.h"

#define ECHO_BYTES 40

static void keep(struct config_report *r, const char *kind, size_t at, const struct config_node *n,
		 const char *fmt, va_list args)
{
	struct jsonc_place p = jsonc_place(r->text, r->len, at);
	struct config_report_line *line = &r->lines[r->n_lines];
	char path[CONFIG_PATH_MAX] = "", *text = NULL;

	if (n)
		config_node_path(n, path);
	if (vasprintf(&text, fmt, args) < 0)
		return;
	if (asprintf(&line->text, "%s:%u:%u: %s%s%s%s\n", r->file, p.line, p.column, kind, path,
		     *path ? ": " : "", text) >= 0) {
		line->at = at;
		r->n_lines++;
	}
	free(text);
}

void config_error(struct config_report *r, const struct config_node *n, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (r->errors++ < CONFIG_REPORT_MAX)
		keep(r, "", n->at, n, fmt, args);
	va_end(args);
}

void config_error_key(struct config_report *r, const struct config_node *n, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (r->errors++ < CONFIG_REPORT_MAX)
		keep(r, "", n->key_at, n, fmt, args);
	va_end(args);
}

void config_error_at(struct config_report *r, size_t at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (r->errors++ < CONFIG_REPORT_MAX)
		keep(r, "", at, NULL, fmt, args);
	va_end(args);
}

void config_note(struct config_report *r, const struct config_node *n, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (r->notes++ < CONFIG_REPORT_MAX)
		keep(r, "note: ", n->at, n, fmt, args);
	va_end(args);
}

/* Lines of the same place stay as they came: there are few, so the simplest sort does. */
static void sort_lines(struct config_report *r)
{
	for (size_t i = 1; i < r->n_lines; i++) {
		struct config_report_line line = r->lines[i];
		size_t to = i;

		for (; to > 0 && r->lines[to - 1].at > line.at; to--)
			r->lines[to] = r->lines[to - 1];
		r->lines[to] = line;
	}
}

void config_report_end(struct config_report *r)
{
	sort_lines(r);
	for (size_t i = 0; i < r->n_lines; i++) {
		fputs(r->lines[i].text, r->out);
		free(r->lines[i].text);
	}
	r->n_lines = 0;
	if (r->errors > CONFIG_REPORT_MAX)
		fprintf(r->out, "%s: %u more problems are not shown\n", r->file,
			r->errors - CONFIG_REPORT_MAX);
}

/* Whether p starts a character that a terminal obeys: C0, DEL, C1, or a mark that turns text
 * around. */
static bool is_control(const unsigned char *p, size_t left)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return true;
	if (p[0] == 0xc2 && left > 1 && p[1] < 0xa0)
		return true;
	return p[0] == 0xe2 && left > 2 &&
	       ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
		(p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

const char *config_echo(const char *text, size_t n, char out[static CONFIG_ECHO_MAX])
{
	const unsigned char *p = (const unsigned char *)text;
	size_t shown = n, used = 0;

	if (n > ECHO_BYTES)
		for (shown = ECHO_BYTES; shown > 0 && (p[shown] & 0xc0) == 0x80;)
			shown--;
	for (size_t i = 0; i < shown;) {
		size_t len = p[i] < 0x80 ? 1 : p[i] < 0xe0 ? 2 : p[i] < 0xf0 ? 3 : 4;
		bool escape = is_control(p + i, shown - i);

		for (len = len < shown - i ? len : shown - i; len > 0; len--, i++)
			used += (size_t)sprintf(out + used, escape ? "\\x%02x" : "%c", p[i]);
	}
	strcpy(out + used, n > shown ? "..." : "");
	return out;
}
