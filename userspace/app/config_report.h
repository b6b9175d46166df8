/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of problems that reading a configuration prints. */
#ifndef APP_CONFIG_REPORT_H
#define APP_CONFIG_REPORT_H

#include <stddef.h>
#include <stdio.h>

struct config_node;

#define CONFIG_REPORT_MAX 50 /* problems printed; as many notes */

struct config_report_line {
	size_t at;
	char *text; /* malloc'd */
};

struct config_report {
	FILE *out;	  /* written by config_report_end() */
	const char *file; /* name that stands in front of each line */
	const char *text; /* the text as it was given, for lines and columns */
	size_t len;
	unsigned errors, notes; /* found, whether kept or not */
	struct config_report_line lines[2 * CONFIG_REPORT_MAX];
	size_t n_lines;
};

/* A problem with the value of a node, with its key, or at an offset of the text. */
void config_error(struct config_report *r, const struct config_node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void config_error_key(struct config_report *r, const struct config_node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void config_error_at(struct config_report *r, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Worth knowing, no problem. */
void config_note(struct config_report *r, const struct config_node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Once, at the end: prints what was kept in the order of the text, and how many problems were not.
 */
void config_report_end(struct config_report *r);

/* Text of a file, fit to be printed: at most 40 bytes of it, control characters escaped. Returns
 * out. Never give it a secret. */
#define CONFIG_ECHO_MAX (40 * 4 + 4)
const char *config_echo(const char *text, size_t n, char out[static CONFIG_ECHO_MAX]);
/* The same as an expression, for use as an argument. */
#define ECHO(text) config_echo((text), strlen(text), (char[CONFIG_ECHO_MAX]){ 0 })

#endif
