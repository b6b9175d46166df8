// SPDX-License-Identifier: GPL-2.0-or-later
// What a plan needs and others have: priorities, the routing table, the nft table.
#include <errno.h>
#include <linux/fib_rules.h>
#include <stdlib.h>

#include "net/nft.h"
#include "net/setup_impl.h"

#define WHOSE_MAX (2 * PLAN_NAME_MAX + 100)

static bool is_ours(const struct setup *s, const struct object *o)
{
	return object_list_has(&s->journal.objects, o);
}

static bool in_range(const struct plan *p, const struct object *o)
{
	return o->priority >= p->priority && o->priority - p->priority < PLAN_PRIORITIES;
}

/* Ours by another name: of a configuration that has changed since, or of another instance. */
struct maker {
	struct setup *s;
	const struct object *o;
	char name[PLAN_NAME_MAX];
};

static void ask(const char *name, void *arg)
{
	struct maker *m = arg;
	struct journal j = { 0 };
	char ignored[160];

	if (journal_read(m->s->lock, name, &j, ignored, sizeof(ignored)) == 0 &&
	    object_list_has(&j.objects, m->o))
		snprintf(m->name, sizeof(m->name), "%s", name);
	journal_done(&j);
}

/* Whose it is, for a message; out is room for it. */
static const char *whose(struct setup *s, const struct object *o, char out[static WHOSE_MAX])
{
	struct maker m = { .s = s, .o = o };

	setup_each(s->o->directory, ask, &m);
	if (!m.name[0])
		return "is not ours";
	snprintf(out, WHOSE_MAX,
		 "is of our set-up %s (anytlsctl rules remove -n %s, if that is no longer wanted)",
		 m.name, m.name);
	return out;
}

/* One of each family says enough. */
static int taken_rules(struct setup *s, const struct plan *p)
{
	bool told[2] = { false, false };
	char room[WHOSE_MAX];
	int n = 0;

	for (size_t i = 0; i < s->rules.n; i++) {
		const struct object *o = &s->rules.at[i];
		int family = o->family == AF_INET ? 4 : 6;

		if (is_ours(s, o) || told[family == 6])
			continue;
		if (in_range(p, o)) {
			setup_say(s,
				  "taken: an IPv%d rule of priority %u (ip -%d rule) %s: choose "
				  "another \"priority\"; %d from there on must be free",
				  family, o->priority, family, whose(s, o, room), PLAN_PRIORITIES);
			told[family == 6] = true;
			n++;
		} else if (o->type == FR_ACT_TO_TBL && o->table == p->table) {
			setup_say(s,
				  "taken: the IPv%d rule of priority %u looks up table %u and %s: "
				  "choose another \"table\"",
				  family, o->priority, o->table, whose(s, o, room));
			n++;
		}
	}
	return n;
}

static int taken_routes(struct setup *s, const struct plan *p)
{
	char room[WHOSE_MAX];

	for (size_t i = 0; i < s->routes.n; i++)
		if (s->routes.at[i].table == p->table && !is_ours(s, &s->routes.at[i])) {
			setup_say(s,
				  "taken: what is in table %u (ip route show table %u) %s: choose "
				  "another \"table\"",
				  p->table, p->table, whose(s, &s->routes.at[i], room));
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
