// SPDX-License-Identifier: GPL-2.0-or-later
// What a rule must have, must not have, and what keeps it from ever matching.
#include <string.h>

#include "app/config_parts.h"

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

/* false says nothing, just as no value does. */
static bool says_something(struct config_ref v, const struct config_node *n)
{
	struct config_ref m = config_value_of(v, n);

	return !json_is_null(m.v) && !json_is_false(m.v);
}

static void check_conditions(struct config_reader *r, struct config_ref v)
{
	static const char *const others[] = { "type", "action", "outbound", NULL };

	for (const struct config_node *n = v.n->first; n; n = n->next)
		if (!is_one_of(n->name, others) && says_something(v, n))
			return;
	config_error(&r->report, v.n, "has no condition: route.final is for everything else");
}

static void check_bypass(struct config_reader *r, struct config_ref v)
{
	static const char *const fit[] = { "type",    "action",	      "inbound",
					   "ip_cidr", "ip_cidr_file", NULL };

	for (const struct config_node *n = v.n->first; n; n = n->next)
		if (!is_one_of(n->name, fit) && says_something(v, n))
			config_error_key(
				&r->report, n,
				"a bypass rule has only inbound, ip_cidr and ip_cidr_file: what it "
				"names is never captured; for ports and sources there are "
				"bypass_ports and bypass_sources of the inbound");
	if (!config_member(v, "ip_cidr").v && !config_member(v, "ip_cidr_file").v)
		config_error(&r->report, v.n, "a bypass rule needs ip_cidr or ip_cidr_file");
}

/* Calls one() for each inbound of the rule until it returns true. */
static bool any_inbound(const struct config *c, const struct config_rule *rule,
			bool (*one)(const struct config_inbound *in, const void *arg),
			const void *arg)
{
	size_t n = rule->n_inbounds ? rule->n_inbounds : c->n_inbounds;

	for (size_t i = 0; i < n; i++)
		if (one(&c->inbounds[rule->n_inbounds ? rule->inbounds[i] : i], arg))
			return true;
	return false;
}

static bool has_user(const struct config_inbound *in, const void *name)
{
	for (size_t i = 0; i < in->n_users; i++)
		if (strcmp(in->users[i].name, name) == 0)
			return true;
	return false;
}

static bool is_transparent(const struct config_inbound *in, const void *unused)
{
	(void)unused;
	return in->type == INBOUND_TRANSPARENT;
}

static bool is_asked(const struct config_inbound *in, const void *unused)
{
	(void)unused;
	return in->type != INBOUND_TRANSPARENT;
}

/* A captured destination is an address; a name for it is found in the first bytes of TCP. */
static bool knows_names(const struct config_inbound *in, const void *network)
{
	return in->type != INBOUND_TRANSPARENT ||
	       (in->transparent.sniff && *(const uint8_t *)network != IPPROTO_UDP);
}

static void check_users(struct config_reader *r, struct config_ref users,
			const struct config_rule *rule)
{
	for (struct config_list l = config_list_start(users); l.item.v; config_list_next(&l)) {
		const char *name = json_string_value(l.item.v);

		if (name && !any_inbound(r->c, rule, has_user, name))
			config_note(&r->report, l.item.n,
				    "no inbound of the rule has the user \"%s\"", ECHO(name));
	}
}

static bool has_family(const struct prefix_list *l, uint8_t family)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].family == family)
			return true;
	return false;
}

/* What is captured has both addresses of one family. */
static bool families_meet(const struct config_rule *rule)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	bool to_any = !rule->to.n || rule->n_to_files || rule->to_private || rule->n_domains ||
		      rule->n_domain_suffixes || rule->n_domain_keywords;
	bool from_any = !rule->from.n || rule->n_from_files;

	for (size_t i = 0; i < 2; i++)
		if ((to_any || has_family(&rule->to, families[i])) &&
		    (from_any || has_family(&rule->from, families[i])))
			return true;
	return false;
}

static void check_use(struct config_reader *r, struct config_ref v, const struct config_rule *rule)
{
	bool names = rule->n_domains || rule->n_domain_suffixes || rule->n_domain_keywords;
	bool addresses = rule->to.n || rule->n_to_files || rule->to_private;
	const struct config *c = r->c;

	if (rule->action == RULE_BYPASS && !any_inbound(c, rule, is_transparent, NULL))
		config_note(&r->report, v.n, "without effect: no inbound captures anything");
	if (names && !addresses && !any_inbound(c, rule, knows_names, &rule->network))
		config_note(&r->report, v.n,
			    "never matches: no inbound of the rule finds names out (sniff, TCP)");
	if (!any_inbound(c, rule, is_asked, NULL) && !families_meet(rule))
		config_note(&r->report, v.n,
			    "never matches: source and destination are of different families");
}

void config_check_rule(struct config_reader *r, struct config_ref v, const struct config_rule *rule)
{
	struct config_ref users = config_member(v, "auth_user");

	check_conditions(r, v);
	if (rule->action == RULE_BYPASS)
		check_bypass(r, v);
	if (r->c->n_inbounds == 0)
		return; /* there is a note about that already */
	if (users.v)
		check_users(r, users, rule);
	check_use(r, v, rule);
}
