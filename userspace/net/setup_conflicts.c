// SPDX-License-Identifier: GPL-2.0-or-later
// Other nft tables that steer traffic of the same interfaces, as the ruleset's JSON tells.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "net/nft.h"
#include "net/setup_impl.h"
#include "net/setup_ruleset.h"

/* One rule of another table that redirects or diverts. */
struct suspect {
	const char *family, *table, *chain, *does;
	bool sure; /* it sees our interfaces' packets, and all of a protocol */
};

/* Whether a comparison lets our interfaces' packets pass; *narrow: only some of them. */
static bool lets_pass(const struct plan *p, const json_t *match, bool *narrow)
{
	const json_t *left = json_object_get(match, "left");
	const char *key = ruleset_text(json_object_get(left, "meta"), "key");
	bool unequal = !strcmp(ruleset_text(match, "op"), "!=");

	if (!strcmp(key, "iif") || !strcmp(key, "iifname"))
		return ruleset_names(p, json_object_get(match, "right")) != unequal;
	if (strcmp(key, "l4proto") != 0 && strcmp(key, "nfproto") != 0)
		*narrow = true;
	return true;
}

/* Whether the rule steers packets that may be ours. */
static bool is_suspect(const struct plan *p, const json_t *rule, struct suspect *ret)
{
	const json_t *statement;
	bool narrow = false;
	size_t i;

	ret->does = NULL;
	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		const json_t *match = json_object_get(statement, "match");

		if (match && !lets_pass(p, match, &narrow))
			return false;
		if (json_object_get(statement, "tproxy"))
			ret->does = "tproxy";
		if (json_object_get(statement, "redirect"))
			ret->does = "redirect";
	}
	ret->family = ruleset_text(rule, "family");
	ret->table = ruleset_text(rule, "table");
	ret->chain = ruleset_text(rule, "chain");
	ret->sure = !narrow;
	return ret->does;
}

/* Whether packets come to the chain from the kernel, before routing. */
static bool is_prerouting(const json_t *ruleset, const struct suspect *u)
{
	const json_t *chain = ruleset_chain(ruleset, u->family, u->table, u->chain);

	return !strcmp(ruleset_text(chain, "hook"), "prerouting");
}

static bool is_a_plans(struct setup *s, const char *table)
{
	struct journal j = { 0 };
	char ignored[160];
	bool ours = strlen(table) < PLAN_NAME_MAX &&
		    journal_read(s->lock, table, &j, ignored, sizeof(ignored)) == 0 && j.nft;

	journal_done(&j);
	return ours;
}

static int judge(struct setup *s, const json_t *ruleset, const struct suspect *u)
{
	bool sure = u->sure && is_prerouting(ruleset, u);

	if (!strcmp(u->family, "inet") && is_a_plans(s, u->table))
		return 0;
	setup_say(s,
		  "%s: chain %s of nft table %s %s has a %s for packets of the captured "
		  "interfaces%s",
		  sure ? "problem" : "warning", u->chain, u->family, u->table, u->does,
		  sure ? ": delete that rule, or have it leave these interfaces alone"
		       : " too, and comes before or after this one as its priority says");
	return sure;
}

static int look(struct setup *s, const struct plan *p, const json_t *ruleset)
{
	const json_t *entry;
	struct suspect u;
	int n = 0;
	size_t i;

	json_array_foreach(ruleset, i, entry)
	{
		const json_t *rule = json_object_get(entry, "rule");

		if (rule && is_suspect(p, rule, &u))
			n += judge(s, ruleset, &u);
	}
	return n;
}

int setup_conflicts(struct setup *s, const struct plan *p)
{
	char why[160], *text = NULL;
	json_t *all;
	int n;

	/* a machine without nft has no such rules; if ours need it, they will tell */
	if (!p->n_interfaces || nft_list("list ruleset", NFT_JSON, &text, why, sizeof(why)) < 0)
		return 0;
	all = json_loads(text, 0, NULL);
	n = look(s, p, json_object_get(all, "nftables"));
	setup_firewall(s, p, json_object_get(all, "nftables"));
	json_decref(all);
	free(text);
	return n;
}
