// SPDX-License-Identifier: GPL-2.0-or-later
// The forms of single values: strings, numbers, durations, lists.
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_read.h"
#include "base/secret.h"

bool config_read_string(struct config_reader *r, struct config_ref v, uint64_t min, uint64_t max,
			char **ret)
{
	size_t n;
	char *copy;

	if (!config_want(r, v, JSON_STRING))
		return false;
	n = json_string_length(v.v);
	if (n == 0 && min > 0) {
		config_error(&r->report, v.n, "must not be empty");
		return false;
	}
	if (n < min || n > max) {
		config_error(&r->report, v.n, "must have %" PRIu64 " to %" PRIu64 " bytes, not %zu",
			     min, max, n);
		return false;
	}
	copy = config_strdup(r, json_string_value(v.v));
	if (!copy)
		return false;
	*ret = copy;
	return true;
}

bool config_read_uint(struct config_reader *r, struct config_ref v, uint64_t min, uint64_t max,
		      uint64_t *ret)
{
	json_int_t x;

	if (!config_want(r, v, JSON_INTEGER))
		return false;
	x = json_integer_value(v.v);
	if (x < 0 || (uint64_t)x < min || (uint64_t)x > max) {
		config_error(&r->report, v.n,
			     "must be from %" PRIu64 " to %" PRIu64 ", not %" JSON_INTEGER_FORMAT,
			     min, max, x);
		return false;
	}
	*ret = (uint64_t)x;
	return true;
}

/* Microseconds in one unit of the text, and where it ends; 0: none that we know. */
static double unit_us(const char **p)
{
	static const struct {
		const char *name;
		double us;
	} units[] = { { "ns", 1e-3 },	  { "us", 1 },	   { "\xc2\xb5s", 1 },
		      { "\xce\xbcs", 1 }, { "ms", 1e3 },   { "s", 1e6 },
		      { "m", 60e6 },	  { "h", 3600e6 }, { "d", 86400e6 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*p, units[i].name, n) == 0) {
			*p += n;
			return units[i].us;
		}
	}
	return 0;
}

/* One "1.5h" at *p added to *us. */
static bool duration_part(const char **p, double *us)
{
	double x = 0, scale = 1, unit;
	bool digits = false;

	for (; isdigit((unsigned char)**p); (*p)++, digits = true)
		x = x * 10 + (**p - '0');
	if (**p == '.')
		for ((*p)++; isdigit((unsigned char)**p); (*p)++, digits = true) {
			scale /= 10;
			x += (**p - '0') * scale;
		}
	unit = unit_us(p);
	*us += x * unit;
	return digits && unit > 0;
}

/* What is wrong with the text, or NULL and *ret_ms; a part of a millisecond counts as a whole one.
 */
static const char *duration_parse(const char *p, double *ret_ms)
{
	double us = 0, ms;

	if (*p == '-')
		return "must not be negative";
	if (*p == '+')
		p++;
	if (strcmp(p, "0") == 0) {
		*ret_ms = 0;
		return NULL;
	}
	if (*p && p[strspn(p, "0123456789.")] == '\0')
		return "needs a unit, as in \"30s\"";
	do {
		if (!duration_part(&p, &us))
			return "is no duration; write \"500ms\", \"30s\", \"1h30m\" or \"1d\"";
	} while (*p);
	ms = us < 1e18 ? (double)(uint64_t)(us / 1e3) : 1e15;
	*ret_ms = ms * 1e3 < us ? ms + 1 : ms;
	return NULL;
}

/* "90000" or "1m30s" is one thing to a machine; people get the largest whole unit. */
static const char *duration_text(uint64_t ms, char out[static 32])
{
	static const struct {
		uint64_t ms;
		const char *name;
	} units[] = {
		{ 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" }
	};
	size_t i = 0;

	while (units[i].ms > 1 && (ms == 0 || ms % units[i].ms != 0))
		i++;
	snprintf(out, 32, "%" PRIu64 "%s", ms / units[i].ms, units[i].name);
	return out;
}

bool config_read_duration(struct config_reader *r, struct config_ref v, uint64_t min_ms,
			  uint64_t max_ms, uint32_t *ret)
{
	const char *text, *wrong;
	char lo[32], hi[32];
	double ms;

	if (json_is_number(v.v)) {
		config_error(
			&r->report, v.n,
			"a duration is a string with a unit, as in \"30s\", not a plain number");
		return false;
	}
	if (!config_want(r, v, JSON_STRING))
		return false;
	text = json_string_value(v.v);
	wrong = duration_parse(text, &ms);
	if (wrong) {
		config_error(&r->report, v.n, "\"%s\" %s", ECHO(text), wrong);
		return false;
	}
	if (ms < (double)min_ms || ms > (double)max_ms) {
		config_error(&r->report, v.n, "must be from %s to %s, not \"%s\"",
			     duration_text(min_ms, lo), duration_text(max_ms, hi), ECHO(text));
		return false;
	}
	*ret = (uint32_t)ms;
	return true;
}

struct config_list config_list_start(struct config_ref v)
{
	struct config_list l = { .item = v, .n = 1 };

	if (json_is_array(v.v)) {
		l.array = v.v;
		l.n = json_array_size(v.v);
		l.item.n = v.n->first;
		l.item.v = json_array_get(v.v, 0);
	}
	return l;
}

void config_list_next(struct config_list *l)
{
	l->i++;
	l->item.v = l->array ? json_array_get(l->array, l->i) : NULL;
	l->item.n = l->item.v ? l->item.n->next : NULL;
}

bool config_read_joined(struct config_reader *r, struct config_ref v, char glue, char **ret)
{
	size_t room = 1, used = 0;
	bool good = true;
	char *text;

	for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l)) {
		good = config_want(r, l.item, JSON_STRING) && good;
		room += json_string_length(l.item.v) + 1;
	}
	text = good ? config_alloc(r, room, 1) : NULL;
	if (!text)
		return false;
	for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l)) {
		size_t n = json_string_length(l.item.v);

		if (l.i > 0)
			text[used++] = glue;
		memcpy(text + used, json_string_value(l.item.v), n);
		used += n;
	}
	*ret = text;
	return true;
}
