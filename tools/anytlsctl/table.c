// SPDX-License-Identifier: GPL-2.0-or-later
// Tables for people: cells escaped, columns as wide as they must be.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anytlsctl/ctl.h"
#include "base/escape.h"

static void *need(void *p)
{
	if (p)
		return p;
	fprintf(stderr, "%s: out of memory\n", CTL_NAME);
	exit(CTL_PROBLEM);
}

char *ctl_escape(const char *text)
{
	size_t n = strlen(text);
	char *out = need(malloc(n * ESCAPE_GROWTH + 1));

	out[escape_text(out, text, n, false)] = '\0';
	return out;
}

struct ctl_table ctl_table(const char *const *heads)
{
	struct ctl_table t = { .heads = heads };

	while (heads[t.columns])
		t.columns++;
	return t;
}

void ctl_cell(struct ctl_table *t, const char *text)
{
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cells = need(realloc(t->cells, t->room * sizeof(*t->cells)));
	}
	t->cells[t->n++] = ctl_escape(*text ? text : "-");
}

void ctl_cell_number(struct ctl_table *t, uint64_t n)
{
	char text[CTL_SHORT_MAX];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	ctl_cell(t, text);
}

void ctl_cell_bytes(struct ctl_table *t, uint64_t n)
{
	static const char units[] = " KMGTPE";
	char text[CTL_SHORT_MAX];
	double x = (double)n;
	unsigned unit = 0;

	for (; x >= 1024; x /= 1024)
		unit++;
	if (unit == 0)
		snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	else
		snprintf(text, sizeof(text), x < 10 ? "%.1f%c" : "%.0f%c", x, units[unit]);
	ctl_cell(t, text);
}

const char *ctl_duration(uint64_t ms, char out[static CTL_SHORT_MAX])
{
	unsigned long long s = ms / 1000;

	if (s < 60)
		snprintf(out, CTL_SHORT_MAX, "%llus", s);
	else if (s < 3600)
		snprintf(out, CTL_SHORT_MAX, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, CTL_SHORT_MAX, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		snprintf(out, CTL_SHORT_MAX, "%llud%02lluh", s / 86400, s / 3600 % 24);
	return out;
}

void ctl_cell_since(struct ctl_table *t, uint64_t now_ms, uint64_t then_ms)
{
	char text[CTL_SHORT_MAX];

	ctl_cell(t, ctl_duration(now_ms > then_ms ? now_ms - then_ms : 0, text));
}

/* Places on the screen: bytes that do not go on a character. */
static int width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(const char *text, int room, bool right, bool last)
{
	int pad = room - width(text);

	if (right)
		printf("%*s%s", pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

void ctl_table_print(struct ctl_table *t)
{
	int *room = need(calloc(t->columns, sizeof(*room)));
	bool right;

	for (unsigned c = 0; c < t->columns; c++) {
		room[c] = width(t->heads[c] + (*t->heads[c] == '>'));
		for (size_t i = c; i < t->n; i += t->columns)
			if (width(t->cells[i]) > room[c])
				room[c] = width(t->cells[i]);
	}
	for (size_t i = 0; i < t->n + t->columns; i++) {
		unsigned c = (unsigned)(i % t->columns);

		right = *t->heads[c] == '>';
		print_cell(i < t->columns ? t->heads[c] + right : t->cells[i - t->columns], room[c],
			   right, c + 1 == t->columns);
	}
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(room);
}
