// SPDX-License-Identifier: GPL-2.0-or-later
// Lists of prefixes: growing, normal form, search.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/prefix.h"

int prefix_list_add(struct prefix_list *l, const struct prefix *p)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct prefix *at = reallocarray(l->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		l->at = at;
		l->room = room;
	}
	l->at[l->n++] = *p;
	return 0;
}

int prefix_list_add_all(struct prefix_list *l, const struct prefix_list *from)
{
	size_t before = l->n;

	for (size_t i = 0; i < from->n; i++)
		if (prefix_list_add(l, &from->at[i]) < 0) {
			l->n = before;
			return -ENOMEM;
		}
	return 0;
}

int prefix_list_add_private(struct prefix_list *l)
{
	static const struct prefix all[] = {
		{ AF_INET, 8, { 0 } },	      { AF_INET, 8, { 10 } },
		{ AF_INET, 8, { 127 } },      { AF_INET, 16, { 169, 254 } },
		{ AF_INET, 12, { 172, 16 } }, { AF_INET, 16, { 192, 168 } },
		{ AF_INET, 4, { 224 } },      { AF_INET, 32, { 255, 255, 255, 255 } },
		{ AF_INET6, 128, { 0 } },     { AF_INET6, 128, { [15] = 1 } },
		{ AF_INET6, 7, { 0xfc } },    { AF_INET6, 10, { 0xfe, 0x80 } },
		{ AF_INET6, 8, { 0xff } },
	};

	return prefix_list_add_all(l, &(struct prefix_list){ .at = (struct prefix *)all,
							     .n = sizeof(all) / sizeof(*all) });
}

void prefix_list_done(struct prefix_list *l)
{
	free(l->at);
	*l = (struct prefix_list){ 0 };
}

static size_t ip_len(const struct prefix *p)
{
	return p->family == AF_INET ? 4 : 16;
}

/* Sorted, a prefix comes right behind the one that contains it, or behind others that this one
 * contains too: so the last one kept is the only one to ask. */
void prefix_list_normal(struct prefix_list *l)
{
	size_t kept = 0;

	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), prefix_compare);
	for (size_t i = 0; i < l->n; i++)
		if (!kept || !prefix_has(&l->at[kept - 1], l->at[i].ip, ip_len(&l->at[i])))
			l->at[kept++] = l->at[i];
	l->n = kept;
}

bool prefix_list_has(const struct prefix_list *l, const uint8_t *ip, size_t n)
{
	struct prefix key = { .family = n == 4 ? AF_INET : AF_INET6, .len = 128 };
	size_t low = 0, high = l->n;

	memcpy(key.ip, ip, n);
	while (low < high) { /* the first one behind the address */
		size_t mid = low + (high - low) / 2;

		if (prefix_compare(&l->at[mid], &key) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && prefix_has(&l->at[low - 1], ip, n);
}

bool prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (prefix_compare(&a->at[i], &b->at[i]) != 0)
			return false;
	return true;
}
