// SPDX-License-Identifier: GPL-2.0-or-later
// Lists of routes and rules: growing, order, difference.
#include "net/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BY(field)                                                                                  \
	do {                                                                                       \
		if (a->field != b->field)                                                          \
			return a->field < b->field ? -1 : 1;                                       \
	} while (0)

static int compare_rules(const struct object *a, const struct object *b)
{
	int order;

	BY(priority);
	BY(target);
	BY(mark);
	BY(mask);
	BY(ip_proto);
	BY(sport[0]);
	BY(sport[1]);
	BY(dport[0]);
	BY(dport[1]);
	order = strcmp(a->iif, b->iif);
	return order ? order : prefix_compare(&a->from, &b->from);
}

int object_compare(const void *p, const void *q)
{
	const struct object *a = p, *b = q;
	int order;

	BY(kind);
	BY(family);
	BY(table);
	BY(type);
	order = a->kind == OBJECT_ROUTE ? prefix_compare(&a->to, &b->to) : compare_rules(a, b);
	if (order)
		return order;
	BY(protocol);
	BY(other);
	return 0;
}

int object_list_add(struct object_list *l, const struct object *o)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct object *at = reallocarray(l->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		l->at = at;
		l->room = room;
	}
	l->at[l->n++] = *o;
	return 0;
}

void object_list_done(struct object_list *l)
{
	free(l->at);
	*l = (struct object_list){ 0 };
}

void object_list_normal(struct object_list *l)
{
	size_t kept = 0;

	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), object_compare);
	for (size_t i = 0; i < l->n; i++)
		if (!kept || object_compare(&l->at[kept - 1], &l->at[i]) != 0)
			l->at[kept++] = l->at[i];
	l->n = kept;
}

bool object_list_has(const struct object_list *l, const struct object *o)
{
	return l->n && bsearch(o, l->at, l->n, sizeof(*o), object_compare);
}

int object_list_pick(const struct object_list *a, const struct object_list *b, bool in,
		     struct object_list *ret)
{
	int err = 0;

	for (size_t i = 0; i < a->n && !err; i++)
		if (object_list_has(b, &a->at[i]) == in)
			err = object_list_add(ret, &a->at[i]);
	return err;
}
