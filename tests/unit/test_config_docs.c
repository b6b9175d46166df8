// SPDX-License-Identifier: GPL-2.0-or-later
// Every key of the tables is in the reference, and every example loads. Runs in the tree's root.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/config.h"
#include "app/config_file.h"
#include "app/config_parts.h"

#define REFERENCE "docs/CONFIGURATION.md"
#define EXAMPLES  "docs/examples"
#define TEXT_MAX  1048576

static char *reference(void)
{
	char *text = NULL;
	size_t n;

	assert_int_equal(config_file_read(REFERENCE, TEXT_MAX, &text, &n), 0);
	return text;
}

static void config_tables__every_key__is_in_the_reference(void **state)
{
	char *text = reference(), word[100];

	(void)state;
	for (const struct config_table *t = config_tables; t->object; t++)
		for (const struct config_row *row = t->rows; row->key; row++) {
			sprintf(word, "`%s`", row->key);
			if (!strstr(text, word))
				fail_msg("%s (%s) is not in " REFERENCE, row->key, t->object);
		}
	free(text);
}

static void config_type_hints__every_type__is_in_the_reference(void **state)
{
	static const struct config_type_hint *const lists[] = { config_inbound_hints,
								config_outbound_hints };
	char *text = reference(), word[100];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (const struct config_type_hint *h = lists[i]; h->type; h++) {
			sprintf(word, "`%s`", h->type);
			if (!strstr(text, word))
				fail_msg("type %s is not in " REFERENCE, h->type);
		}
	free(text);
}

static void config_tables__every_row__says_what_it_is(void **state)
{
	(void)state;
	for (const struct config_table *t = config_tables; t->object; t++)
		for (const struct config_row *row = t->rows; row->key; row++)
			if (!row->help || !*row->help || (row->type == ROW_CALL && !row->read))
				fail_msg("%s of %s", row->key, t->object);
}

/* The examples name files that are nowhere: each complaint must be about one of those. */
static void load_example(const char *name)
{
	struct config *c = NULL;
	char path[300], *text, *report = NULL;
	size_t n;
	FILE *f = open_memstream(&report, &n);
	int err;

	snprintf(path, sizeof(path), EXAMPLES "/%s", name);
	assert_int_equal(config_file_read(path, TEXT_MAX, &text, &n), 0);
	err = config_parse(text, strlen(text), name, f, &c);
	fclose(f);
	for (char *line = strtok(report, "\n"); line && err < 0; line = strtok(NULL, "\n"))
		if (!strstr(line, "note: ") && !strstr(line, "_path: "))
			fail_msg("%s", line);
	config_free(c);
	free(text);
	free(report);
}

static void config_parse__every_example__is_good_but_for_its_files(void **state)
{
	DIR *d = opendir(EXAMPLES);
	struct dirent *e;
	unsigned seen = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (!strstr(e->d_name, ".json"))
			continue;
		load_example(e->d_name);
		seen++;
	}
	closedir(d);
	assert_true(seen >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_tables__every_key__is_in_the_reference),
		cmocka_unit_test(config_type_hints__every_type__is_in_the_reference),
		cmocka_unit_test(config_tables__every_row__says_what_it_is),
		cmocka_unit_test(config_parse__every_example__is_good_but_for_its_files),
	};

	return cmocka_run_group_tests_name("config docs", tests, NULL, NULL);
}
