// SPDX-License-Identifier: GPL-2.0-or-later
// A plan as commands for a shell.
#include <stdlib.h>

#include "net/machine.h"
#include "net/setup_impl.h"

/* Those that capture by interface alone come last, behind the nft rules, as in change_do(). */
static void print_objects(const struct object_list *l, bool iif, FILE *to)
{
	char text[OBJECT_TEXT_MAX];

	for (size_t i = 0; i < l->n; i++)
		if ((l->at[i].iif[0] && !l->at[i].mask) == iif)
			fprintf(to, "%s\n", object_text(&l->at[i], "add", text));
}

/* A second run replaces the table, as ours does. */
static void print_nft(const struct plan *p, const struct layout *l,
		      const struct prefix_list *bypass, FILE *to)
{
	fprintf(to, "nft -f - <<'END'\nadd table inet %s\ndelete table inet %s\n", p->name,
		p->name);
	layout_nft(p, l, bypass, to);
	fputs("END\n", to);
}

void setup_print(const struct plan *p, FILE *to)
{
	struct change c = { 0 };
	struct prefix_list bypass = { 0 };
	struct layout l = { .ipv6 = machine_has_ipv6(), .conntrack = machine_has_conntrack() };

	if (layout_objects(p, &l, &c.add) == 0 && layout_bypass(p, &bypass) == 0) {
		object_list_normal(&c.add);
		change_sort(&c);
		print_objects(&c.add, false, to);
		if (layout_has_nft(p, &l))
			print_nft(p, &l, &bypass, to);
		print_objects(&c.add, true, to);
	}
	prefix_list_done(&bypass);
	change_done(&c);
}
