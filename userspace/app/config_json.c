// SPDX-License-Identifier: GPL-2.0-or-later
// Text to JSON: blanked, parsed by jansson, and scanned for places.
#include "app/config_json.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "app/jsonc.h"
#include "base/secret.h"

static void wiping_free(void *p)
{
	if (p)
		secret_wipe(p, malloc_usable_size(p));
	free(p);
}

static void wipe_from_now_on(void)
{
	json_set_alloc_funcs(malloc, wiping_free);
}

/* jansson ends its message with the text that it stumbled over, which may be a password, or with
 * advice for programmers. */
static void report_syntax(struct config_report *r, const json_error_t *e)
{
	char text[JSON_ERROR_TEXT_LENGTH];
	char *end;

	memcpy(text, e->text, sizeof(text));
	for (size_t i = 0; i < 2; i++) {
		end = strstr(text, i ? " without JSON_" : " near '");
		if (end)
			*end = '\0';
	}
	config_error_at(r, e->position > 0 ? (size_t)e->position - 1 : 0, "no valid JSON: %s",
			text);
}

int config_json_read(struct config_report *r, struct config_json *ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct config_json j = { 0 };
	struct jsonc_error wrong;
	json_error_t e;
	char *text = malloc(r->len + 1);
	int err = -ENOMEM;

	pthread_once(&once, wipe_from_now_on);
	if (!text)
		return err;
	memcpy(text, r->text, r->len);
	text[r->len] = '\0';
	err = jsonc_blank(text, r->len, &wrong);
	if (err < 0) {
		config_error_at(r, wrong.at, "%s", wrong.what);
		goto out;
	}
	j.root.v = json_loadb(text, r->len, 0, &e);
	if (!j.root.v) {
		err = json_error_code(&e) == json_error_out_of_memory ? -ENOMEM : -EINVAL;
		report_syntax(r, &e);
		goto out;
	}
	err = config_tree_new(text, r->len, &j.tree);
	if (err == 0) {
		j.root.n = config_tree_root(j.tree);
		*ret = j;
		j = (struct config_json){ 0 };
	} else if (err == -EINVAL) {
		config_error_at(r, 0, "no valid JSON");
	}
out:
	config_json_done(&j);
	secret_wipe(text, r->len);
	free(text);
	return err;
}

void config_json_done(struct config_json *j)
{
	json_decref(j->root.v);
	config_tree_free(j->tree);
	*j = (struct config_json){ 0 };
}
