/* SPDX-License-Identifier: GPL-2.0-or-later */
/* anytlsctl: its commands, and what they share. */
#ifndef ANYTLSCTL_CTL_H
#define ANYTLSCTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "anytlsctl/kernel.h"
#include "app/state_read.h"

#define CTL_NAME "anytlsctl"

/* Exit statuses. */
enum { CTL_OK, CTL_PROBLEM, CTL_USAGE, CTL_DEAD /* no daemon runs there */ };

/* Commands; argv[0] is the command's own name. Each returns an exit status. */
int ctl_status(int argc, char **argv);
int ctl_sessions(int argc, char **argv);
int ctl_streams(int argc, char **argv);
int ctl_ktls(int argc, char **argv);
int ctl_rules(int argc, char **argv);
int ctl_steering(int argc, char **argv);

struct ctl_options {
	bool json;
	const char *name; /* of the instance */
	const char *dir;  /* its folder; NULL: by the name */
	char **words;	  /* the other arguments */
	int n_words;
};

/* Reads -j, -n NAME and -d DIR, for a command that takes n_words others; false after a message. */
bool ctl_parse(int argc, char **argv, int n_words, struct ctl_options *ret);

/* Where the instance's folder is, into out; returns out. */
const char *ctl_folder(const struct ctl_options *o, char out[static PATH_MAX]);

/*
 * Opens the instance's region. CTL_OK, or an exit status after a message. What a dead daemon left
 * is opened too: then ctl_close() says so and returns CTL_DEAD.
 */
int ctl_open(const struct ctl_options *o, struct state_reader *r);
int ctl_close(struct state_reader *r);

/* A table for people. */
struct ctl_table {
	const char *const
		*heads; /* begins with '>' where cells are set to the right; NULL ends it */
	unsigned columns;
	size_t n, room; /* cells */
	char **cells;
};

struct ctl_table ctl_table(const char *const *heads);
/* The next cell; text is escaped and copied; "" is shown as "-". */
void ctl_cell(struct ctl_table *t, const char *text);
void ctl_cell_bytes(struct ctl_table *t, uint64_t n);			     /* "1.5M" */
void ctl_cell_since(struct ctl_table *t, uint64_t now_ms, uint64_t then_ms); /* "3m07s" */
void ctl_cell_number(struct ctl_table *t, uint64_t n);
/* Prints it and frees what it has. */
void ctl_table_print(struct ctl_table *t);

#define CTL_SHORT_MAX 32
/* "2d03h", "1h02m", "3m07s", "12s"; returns out. */
const char *ctl_duration(uint64_t ms, char out[static CTL_SHORT_MAX]);
/* Escaped, malloc'd; ends the program without memory. */
char *ctl_escape(const char *text);

/* A JSON string of text that may not be UTF-8. */
json_t *ctl_json_text(const char *text);
/* What every answer begins with: the daemon's own part. */
json_t *ctl_json_daemon(const struct state_reader *r);
/* Prints in ASCII, and releases it. CTL_OK or CTL_PROBLEM. */
int ctl_json_print(json_t *j);
/* A command that lists the slots of one kind. */
struct ctl_listing {
	const char *name; /* of the list, in JSON */
	const char *const *heads;
	uint32_t (*slots)(const struct state_reader *r);
	/* Adds slot i to the list, or without one to the table: 1, 0 (nobody has it), or -errno. */
	int (*entry)(struct state_reader *r, uint32_t i, struct ctl_table *t, json_t *list,
		     uint64_t now_ms);
};
/* Does it, from the options to the exit status; says how many entries could not be read. */
int ctl_list(int argc, char **argv, const struct ctl_listing *l);

/* Words of the enums. */
const char *ctl_role(enum state_role role);
const char *ctl_wire(enum state_wire wire);
const char *ctl_engine(enum state_engine engine);

#endif
