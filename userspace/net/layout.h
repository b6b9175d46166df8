/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan means on this machine: the routes and rules it asks for, and its nft ruleset. Pure.
 */
#ifndef NET_LAYOUT_H
#define NET_LAYOUT_H

#include <stdio.h>

#include "net/object.h"
#include "net/plan.h"

/* What the plan leaves to the machine. */
struct layout {
	bool ipv6;	/* the machine has it */
	bool conntrack; /* was in use before the set-up: it knows every flow */
};

/* Whether LAN servers' replies and older flows are let through by conntrack. */
bool layout_spares(const struct plan *p, const struct layout *l);
/* Whether the plan needs nft rules at all. */
bool layout_has_nft(const struct plan *p, const struct layout *l);

/*
 * The plan's bypass list, with what no plan captures (link-local, multicast, broadcast). Normal;
 * the caller's. 0 or -ENOMEM.
 */
int layout_bypass(const struct plan *p, struct prefix_list *ret);

/* Routes and rules, in the order in which they are made; added to *ret. 0 or -ENOMEM. */
int layout_objects(const struct plan *p, const struct layout *l, struct object_list *ret);

/* Sets of the ruleset for which layout_set() gives the elements. */
#define LAYOUT_BYPASS4 "bypass4"
#define LAYOUT_BYPASS6 "bypass6"

/*
 * "table inet NAME { ... }" for nft. The sets' elements are those of bypass (layout_bypass());
 * NULL: the sets are empty.
 */
void layout_nft(const struct plan *p, const struct layout *l, const struct prefix_list *bypass,
		FILE *to);
/* Whether the ruleset has the two sets. */
bool layout_has_sets(const struct plan *p);

#endif
