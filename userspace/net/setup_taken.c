// SPDX-License-Identifier: GPL-2.0-or-later
// What a plan needs and others have: priorities, the routing table, the nft table.
#include <errno.h>
#include <linux/fib_rules.h>
#include <stdlib.h>

#include "net/nft.h"
#include "net/setup_impl.h"

static bool is_ours(const struct setup *s, const struct object *o)
{
	return object_list_has(&s->journal.objects, o);
}

static bool in_range(const struct plan *p, const struct object *o)
{
	return o->priority >= p->priority && o->priority - p->priority < PLAN_PRIORITIES;
}

/* One of each family says enough. */
static int taken_rules(struct setup *s, const struct plan *p)
{
	bool told[2] = { false, false };
	int n = 0;

	for (size_t i = 0; i < s->rules.n; i++) {
		const struct object *o = &s->rules.at[i];
		int family = o->family == AF_INET ? 4 : 6;

		if (is_ours(s, o) || told[family == 6])
			continue;
		if (in_range(p, o)) {
			setup_say(s,
				  "taken: an IPv%d rule of priority %u (ip -%d rule) is not "
				  "ours: choose another \"priority\"; %d from there on must be "
				  "free",
				  family, o->priority, family, PLAN_PRIORITIES);
			told[family == 6] = true;
			n++;
		} else if (o->type == FR_ACT_TO_TBL && o->table == p->table) {
			setup_say(s,
				  "taken: the IPv%d rule of priority %u looks up table %u and "
				  "is not ours: choose another \"table\"",
				  family, o->priority, o->table);
			n++;
		}
	}
	return n;
}

static int taken_routes(struct setup *s, const struct plan *p)
{
	for (size_t i = 0; i < s->routes.n; i++)
		if (s->routes.at[i].table == p->table && !is_ours(s, &s->routes.at[i])) {
			setup_say(s,
				  "taken: table %u has routes that are not ours (ip route show "
				  "table %u): choose another \"table\"",
				  p->table, p->table);
			return 1;
		}
	return 0;
}

static int taken_nft(struct setup *s, const struct plan *p)
{
	char why[160], *text = NULL;
	int err = s->journal.nft ? -ENOENT
				 : nft_list_table(p->name, NFT_RULES, &text, why, sizeof(why));

	free(text);
	if (err)
		return 0;
	setup_say(s,
		  "taken: nft table inet %s is there and not ours: choose another \"tag\" or "
		  "\"state\".\"name\", or delete it",
		  p->name);
	return 1;
}

int setup_taken(struct setup *s, const struct plan *p)
{
	int n = taken_nft(s, p);

	if (p->steering != STEERING_REDIRECT) /* which is nft alone */
		n += taken_rules(s, p) + taken_routes(s, p);
	return n;
}
