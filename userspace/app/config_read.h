/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading objects by tables of rows: one row a key, which drives the reader, its messages and the
 * check of the documentation. */
#ifndef APP_CONFIG_READ_H
#define APP_CONFIG_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/config.h"
#include "app/config_report.h"
#include "app/config_tree.h"
#include "app/jsonc.h"

/* What goes on while a file is read. */
struct config_reader {
	struct config_report report;
	struct config *c;
	bool files; /* may open the files that the configuration names */
	bool oom;   /* memory ran out: what was read is incomplete */
};

/* A value and its place. `v` is NULL where there is none. */
struct config_ref {
	json_t *v;
	const struct config_node *n;
};

enum row_type {
	ROW_BOOL,     /* bool */
	ROW_U16,      /* uint16_t, min..max */
	ROW_U32,      /* uint32_t, min..max */
	ROW_U64,      /* uint64_t, min..max */
	ROW_DURATION, /* uint32_t milliseconds, min..max */
	ROW_STRING,   /* char *, malloc'd, of min..max bytes */
	ROW_CALL,     /* read() does it */
	ROW_IGNORED,  /* accepted without a word; read elsewhere, or without a meaning here */
	ROW_REFUSED,  /* sing-box has it, we do not: `help` says what to do */
	ROW_FALSE,    /* as ROW_REFUSED, except that false is accepted */
};

struct config_row;

/* `field` is the target plus the row's offset. */
typedef void config_read_fn(struct config_reader *r, struct config_ref v,
			    const struct config_row *row, void *field);

struct config_row {
	const char *key; /* NULL ends a table */
	enum row_type type;
	bool required;
	size_t off;
	uint64_t min, max;
	config_read_fn *read;
	const char *help;
};

#define ROW_FIELD(type, member) .off = offsetof(type, member)
#define ROW_TABLES_MAX		5

/* All objects' tables with their names, for the check of the documentation; ends with a NULL name.
 */
struct config_table {
	const char *object;
	const struct config_row *rows;
};
extern const struct config_table config_tables[];

/*
 * Reads the members of an object into target by up to ROW_TABLES_MAX tables (NULL-terminated list).
 * A member that is null is as if it were absent. Reports keys that no table has, and missing ones.
 * False where v is no object (reported).
 */
bool config_read_object(struct config_reader *r, struct config_ref v,
			const struct config_row *const *tables, void *target);

/* The value of a member of `object`, which n is the first (or only) node of. */
struct config_ref config_value_of(struct config_ref object, const struct config_node *n);

/* The member; .v is NULL where it is missing or null. */
struct config_ref config_member(struct config_ref object, const char *key);
/* Reports unless v is of the type ("an array", ...). */
bool config_want(struct config_reader *r, struct config_ref v, json_type type);

/*
 * Values. Each reports what is wrong and then returns false with *ret untouched.
 */
bool config_read_string(struct config_reader *r, struct config_ref v, uint64_t min, uint64_t max,
			char **ret);
bool config_read_uint(struct config_reader *r, struct config_ref v, uint64_t min, uint64_t max,
		      uint64_t *ret);
bool config_read_duration(struct config_reader *r, struct config_ref v, uint64_t min_ms,
			  uint64_t max_ms, uint32_t *ret);

/* A list of values; a value alone stands for a list of one. Walks from .item on, while .item.v. */
struct config_list {
	struct config_ref item;
	json_t *array; /* NULL where there is one value */
	size_t n, i;
};
struct config_list config_list_start(struct config_ref v);
void config_list_next(struct config_list *l);

/* Strings joined by `glue`, malloc'd; a string alone stands for itself. Reports items of another
 * type. */
bool config_read_joined(struct config_reader *r, struct config_ref v, char glue, char **ret);

/* Memory, zeroed; NULL sets r->oom. */
void *config_alloc(struct config_reader *r, size_t n, size_t size);
char *config_strdup(struct config_reader *r, const char *text);
/* Replaces *field, which is freed, by text. */
void config_set(char **field, char *text);

#endif
