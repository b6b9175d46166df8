// SPDX-License-Identifier: GPL-2.0-or-later
// Looking things up in a ruleset's JSON.
#include "net/setup_ruleset.h"

#include <string.h>

const char *ruleset_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static bool is_interface_of(const struct plan *p, const char *name)
{
	size_t n = strlen(name);
	bool wild = n && name[n - 1] == '*';

	for (size_t i = 0; i < p->n_interfaces; i++)
		if (wild ? !strncmp(name, p->interfaces[i], n - 1)
			 : !strcmp(name, p->interfaces[i]))
			return true;
	return false;
}

bool ruleset_names(const struct plan *p, const json_t *right)
{
	const json_t *list = json_object_get(right, "set"), *one;
	size_t i;

	if (json_is_string(right))
		return json_string_value(right)[0] == '@' ||
		       is_interface_of(p, json_string_value(right));
	json_array_foreach(list, i,
			   one) if (json_is_string(one) &&
				    is_interface_of(p, json_string_value(one))) return true;
	return false;
}

const json_t *ruleset_chain(const json_t *ruleset, const char *family, const char *table,
			    const char *name)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(ruleset, i, entry)
	{
		const json_t *chain = json_object_get(entry, "chain");

		if (chain && !strcmp(ruleset_text(chain, "family"), family) &&
		    !strcmp(ruleset_text(chain, "table"), table) &&
		    !strcmp(ruleset_text(chain, "name"), name))
			return chain;
	}
	return NULL;
}
