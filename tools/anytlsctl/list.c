// SPDX-License-Identifier: GPL-2.0-or-later
// What commands that list have in common: options, the walk over the slots, table or JSON.
#include <stdio.h>

#include "anytlsctl/ctl.h"
#include "base/clock.h"

static int finish(struct state_reader *r, struct ctl_table *t, const char *name, json_t *list,
		  unsigned torn)
{
	int rc = CTL_OK, end;

	if (list)
		rc = ctl_json_print(
			json_pack("{s:o s:o}", "daemon", ctl_json_daemon(r), name, list));
	else
		ctl_table_print(t);
	if (torn > 0)
		fprintf(stderr, "%s: %u of the %s cannot be read: half written, or damaged\n",
			CTL_NAME, torn, name);
	end = ctl_close(r);
	return rc != CTL_OK ? rc : end;
}

int ctl_list(int argc, char **argv, const struct ctl_listing *l)
{
	struct ctl_table t = ctl_table(l->heads);
	struct ctl_options o;
	struct state_reader r;
	json_t *list = NULL;
	uint64_t now = clock_now_ms();
	unsigned torn = 0;
	int rc;

	if (!ctl_parse(argc, argv, 0, &o))
		return CTL_USAGE;
	rc = ctl_open(&o, &r);
	if (rc != CTL_OK)
		return rc;
	if (o.json)
		list = json_array();
	for (uint32_t i = 0; i < l->slots(&r); i++)
		torn += l->entry(&r, i, &t, list, now) < 0;
	return finish(&r, &t, l->name, list, torn);
}
