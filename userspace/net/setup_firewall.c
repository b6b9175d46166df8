// SPDX-License-Identifier: GPL-2.0-or-later
// Input chains of others that drop what is captured: it comes to this machine, after all.
#include <string.h>

#include "net/setup_ruleset.h"

/* An input chain, of one of our interfaces' packets. */
struct gate {
	const json_t *ruleset, *chain;
	struct plan one; /* with that interface alone */
};

static bool is_of(const struct gate *g, const json_t *o)
{
	return !strcmp(ruleset_text(o, "family"), ruleset_text(g->chain, "family")) &&
	       !strcmp(ruleset_text(o, "table"), ruleset_text(g->chain, "table"));
}

/* Whether a value, or one of a list, is the text. */
static bool is_among(const json_t *right, const char *text)
{
	const json_t *list = json_object_get(right, "set"), *one;
	size_t i;

	json_array_foreach(list, i, one) if (json_is_string(one) &&
					     !strcmp(json_string_value(one), text)) return true;
	return json_is_string(right) && !strcmp(json_string_value(right), text);
}

static bool meta_fits(const struct gate *g, const char *key, const json_t *right)
{
	if (!strcmp(key, "iif") || !strcmp(key, "iifname"))
		return ruleset_names(&g->one, right);
	if (!strcmp(key, "l4proto"))
		return is_among(right, "tcp") || is_among(right, "udp");
	return !strcmp(key, "nfproto") || !strcmp(key, "mark");
}

/* Whether a comparison holds for a captured packet that begins a flow, for all that we see. */
static bool fits(const struct gate *g, const json_t *match)
{
	const json_t *left = json_object_get(match, "left"),
		     *right = json_object_get(match, "right");
	const json_t *meta = json_object_get(left, "meta"), *ct = json_object_get(left, "ct");
	const json_t *payload = json_object_get(left, "payload");
	bool unequal = !strcmp(ruleset_text(match, "op"), "!=");

	if (meta)
		return meta_fits(g, ruleset_text(meta, "key"), right) != unequal;
	if (ct)
		return strcmp(ruleset_text(ct, "key"), "state") != 0;
	if (payload)
		return !strcmp(ruleset_text(payload, "field"), "dport") &&
		       json_integer_value(right) == g->one.port;
	if (json_object_get(left, "fib")) /* captured: for an address that is not local */
		return is_among(right, "local") == unequal;
	return true;
}

/* Whether the rule ends in the verdict for such a packet. */
static bool rule_says(const struct gate *g, const json_t *rule, const char *verdict)
{
	const json_t *statement, *xt;
	bool says = false;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		const json_t *match = json_object_get(statement, "match");

		xt = json_object_get(statement, "xt"); /* of iptables */
		if ((match && !fits(g, match)) ||
		    (xt && strcmp(ruleset_text(xt, "name"), "addrtype") != 0))
			return false;
		says = says || json_object_get(statement, verdict);
	}
	return says;
}

/* Whether a chain may be come to from the input hook: it is that chain, or no hook's at all. */
static bool is_behind(const struct gate *g, const char *name)
{
	const json_t *chain = ruleset_chain(g->ruleset, ruleset_text(g->chain, "family"),
					    ruleset_text(g->chain, "table"), name);

	return chain && (chain == g->chain || !json_object_get(chain, "hook"));
}

static bool any_rule_says(const struct gate *g, const char *verdict, bool itself)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(g->ruleset, i, entry)
	{
		const json_t *rule = json_object_get(entry, "rule");
		const char *name = ruleset_text(rule, "chain");

		if (!rule || !is_of(g, rule) || !rule_says(g, rule, verdict))
			continue;
		if (itself ? !strcmp(name, ruleset_text(g->chain, "name")) : is_behind(g, name))
			return true;
	}
	return false;
}

static bool drops(const struct gate *g)
{
	bool ends = !strcmp(ruleset_text(g->chain, "policy"), "drop") ||
		    any_rule_says(g, "drop", true) || any_rule_says(g, "reject", true);

	return ends && !any_rule_says(g, "accept", false);
}

static void tell(const struct setup *s, const struct gate *g)
{
	const char *interface = g->one.interfaces[0];
	char rule[160];

	if (g->one.steering == STEERING_REDIRECT)
		snprintf(rule, sizeof(rule), "iifname \"%s\" tcp dport %u ct status dnat accept",
			 interface, g->one.port);
	else
		snprintf(rule, sizeof(rule),
			 "iifname \"%s\" meta l4proto { tcp, udp } fib daddr type != "
			 "{ local, broadcast, anycast, multicast } accept",
			 interface);
	setup_say(s,
		  "warning: chain %s of nft table %s %s seems to drop what is captured from %s, "
		  "which comes to this machine's input: accept it there, by %s",
		  ruleset_text(g->chain, "name"), ruleset_text(g->chain, "family"),
		  ruleset_text(g->chain, "table"), interface, rule);
}

/* The first interface says enough. */
static void judge_chain(const struct setup *s, struct gate *g, const struct plan *p)
{
	for (size_t i = 0; i < p->n_interfaces; i++) {
		g->one.interfaces = &p->interfaces[i];
		if (drops(g)) {
			tell(s, g);
			return;
		}
	}
}

void setup_firewall(const struct setup *s, const struct plan *p, const json_t *ruleset)
{
	struct gate g = { .ruleset = ruleset, .one = *p };
	const json_t *entry;
	size_t i;

	g.one.n_interfaces = 1;
	json_array_foreach(ruleset, i, entry)
	{
		const char *family;

		g.chain = json_object_get(entry, "chain");
		family = ruleset_text(g.chain, "family");
		if (!strcmp(ruleset_text(g.chain, "hook"), "input") &&
		    (!strcmp(family, "inet") || !strcmp(family, "ip") || !strcmp(family, "ip6")))
			judge_chain(s, &g, p);
	}
}
