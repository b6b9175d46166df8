// SPDX-License-Identifier: GPL-2.0-or-later
// Finds a member of an object, and writes a value's path for people.
#include <stdio.h>
#include <string.h>

#include "app/config_report.h"
#include "app/config_tree.h"

const struct config_node *config_node_member(const struct config_node *n, const char *name)
{
	const struct config_node *child = n->first;

	while (child && (!child->name || strcmp(child->name, name) != 0))
		child = child->next;
	return child && child->latest ? child->latest : child;
}

const char *config_node_path(const struct config_node *n, char out[static CONFIG_PATH_MAX])
{
	char part[CONFIG_ECHO_MAX + 32];
	size_t at = CONFIG_PATH_MAX - 1;

	/* built from its end, so that what is cut is the beginning */
	out[at] = '\0';
	for (; n && n->parent; n = n->parent) {
		size_t len;

		if (n->name)
			len = (size_t)sprintf(part, "%s%s", n->parent->parent ? "." : "",
					      config_echo(n->name, strlen(n->name),
							  (char[CONFIG_ECHO_MAX]){ 0 }));
		else
			len = (size_t)sprintf(part, "[%zu]", n->index);
		if (len > at)
			break;
		at -= len;
		memcpy(out + at, part, len);
	}
	memmove(out, out + at, CONFIG_PATH_MAX - at);
	return out;
}
