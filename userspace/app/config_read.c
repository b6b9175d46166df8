// SPDX-License-Identifier: GPL-2.0-or-later
// Reads an object's members by tables of rows.
#include "app/config_read.h"

#include <stdlib.h>
#include <string.h>

static const char *type_name(json_type type)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object",	[JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",	[JSON_INTEGER] = "a number",
		[JSON_REAL] = "a fraction",	[JSON_TRUE] = "true or false",
		[JSON_FALSE] = "true or false", [JSON_NULL] = "null",
	};

	return names[type];
}

bool config_want(struct config_reader *r, struct config_ref v, json_type type)
{
	if (json_typeof(v.v) == type)
		return true;
	config_error(&r->report, v.n, "must be %s, not %s", type_name(type),
		     type_name(json_typeof(v.v)));
	return false;
}

struct config_ref config_value_of(struct config_ref object, const struct config_node *n)
{
	return (struct config_ref){ .v = json_object_get(object.v, n->name),
				    .n = n->latest ? n->latest : n };
}

struct config_ref config_member(struct config_ref object, const char *key)
{
	struct config_ref m = { .n = config_node_member(object.n, key) };

	if (m.n)
		m.v = json_object_get(object.v, key);
	if (json_is_null(m.v))
		m.v = NULL;
	return m;
}

static void read_bool(struct config_reader *r, struct config_ref v, bool *field)
{
	if (json_is_boolean(v.v))
		*field = json_is_true(v.v);
	else
		config_want(r, v, JSON_TRUE);
}

static void read_string(struct config_reader *r, struct config_ref v, const struct config_row *row,
			char **field)
{
	char *text;

	if (config_read_string(r, v, row->min, row->max, &text))
		config_set(field, text);
}

static void read_number(struct config_reader *r, struct config_ref v, const struct config_row *row,
			void *field)
{
	uint64_t x;

	if (!config_read_uint(r, v, row->min, row->max, &x))
		return;
	if (row->type == ROW_U16)
		*(uint16_t *)field = (uint16_t)x;
	else if (row->type == ROW_U32)
		*(uint32_t *)field = (uint32_t)x;
	else
		*(uint64_t *)field = x;
}

static void read_row(struct config_reader *r, struct config_ref v, const struct config_row *row,
		     void *field)
{
	switch (row->type) {
	case ROW_BOOL:
		read_bool(r, v, field);
		break;
	case ROW_U16:
	case ROW_U32:
	case ROW_U64:
		read_number(r, v, row, field);
		break;
	case ROW_DURATION:
		config_read_duration(r, v, row->min, row->max, field);
		break;
	case ROW_STRING:
		read_string(r, v, row, field);
		break;
	case ROW_CALL:
		row->read(r, v, row, field);
		break;
	case ROW_IGNORED:
		break;
	case ROW_FALSE:
		if (json_is_false(v.v))
			break;
		/* fall through */
	case ROW_REFUSED:
		config_error_key(&r->report, v.n, "not supported: %s", row->help);
		break;
	}
}

static const struct config_row *find_row(const struct config_row *const *tables, const char *key)
{
	for (; *tables; tables++)
		for (const struct config_row *row = *tables; row->key; row++)
			if (strcmp(row->key, key) == 0)
				return row;
	return NULL;
}

/* Whether one may have been typed for the other: at most one letter changed, missing or too many.
 */
static bool alike(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b), head = 0, tail = 0;

	while (a[head] && a[head] == b[head])
		head++;
	while (tail < na - head && tail < nb - head && a[na - 1 - tail] == b[nb - 1 - tail])
		tail++;
	return na - head - tail <= 1 && nb - head - tail <= 1;
}

static void report_unknown(struct config_reader *r, const struct config_node *n,
			   const struct config_row *const *tables)
{
	for (; *tables; tables++)
		for (const struct config_row *row = *tables; row->key; row++)
			if (row->type != ROW_REFUSED && alike(row->key, n->name)) {
				config_error_key(&r->report, n, "unknown key (is \"%s\" meant?)",
						 row->key);
				return;
			}
	config_error_key(&r->report, n, "unknown key");
}

static void report_missing(struct config_reader *r, struct config_ref v,
			   const struct config_row *const *tables)
{
	for (; *tables; tables++)
		for (const struct config_row *row = *tables; row->key; row++)
			if (row->required && !config_member(v, row->key).v)
				config_error(&r->report, v.n, "\"%s\" is missing: %s", row->key,
					     row->help);
}

bool config_read_object(struct config_reader *r, struct config_ref v,
			const struct config_row *const *tables, void *target)
{
	if (!config_want(r, v, JSON_OBJECT))
		return false;
	for (const struct config_node *n = v.n->first; n; n = n->next) {
		struct config_ref m = config_value_of(v, n);
		const struct config_row *row = find_row(tables, n->name);

		if (n->repeated) {
			struct jsonc_place p =
				jsonc_place(r->report.text, r->report.len, n->repeated->key_at);

			config_error_key(&r->report, n, "repeated key, given in line %u already",
					 p.line);
		} else if (!row) {
			report_unknown(r, n, tables);
		} else if (!json_is_null(m.v)) {
			read_row(r, m, row, (char *)target + row->off);
		}
	}
	report_missing(r, v, tables);
	return true;
}

void *config_alloc(struct config_reader *r, size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		r->oom = true;
	return p;
}

char *config_strdup(struct config_reader *r, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		r->oom = true;
	return copy;
}

void config_set(char **field, char *text)
{
	free(*field);
	*field = text;
}
