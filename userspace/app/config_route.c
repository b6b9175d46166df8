// SPDX-License-Identifier: GPL-2.0-or-later
// The rules of "route".
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"

#define USER_MAX 255

/* A rule while it is read: its parts are judged together, afterwards. */
struct work {
	struct config_rule rule;
	struct config_ref type, action, outbound, inbound, network, users;
	struct config_ref domains, suffixes, keywords, to, to_files, from, from_files;
	struct config_ref ports, ranges, source_ports, source_ranges;
	bool from_private;
};

static void keep(struct config_reader *r, struct config_ref v, const struct config_row *row,
		 void *field)
{
	(void)r, (void)row;
	*(struct config_ref *)field = v;
}

#define KEEP(name, member, what)                                                                   \
	{                                                                                          \
		.key = name, .type = ROW_CALL, .read = keep, ROW_FIELD(struct work, member),       \
		.help = what                                                                       \
	}

const struct config_row config_rows_rule[] = {
	KEEP("type", type, "\"default\""),
	KEEP("action", action, "\"route\", \"reject\" or \"bypass\""),
	KEEP("outbound", outbound, "tag of the outbound to take"),
	KEEP("inbound", inbound, "tags of inbounds"),
	KEEP("network", network, "\"tcp\" or \"udp\""),
	KEEP("auth_user", users, "names of users"),
	KEEP("domain", domains, "whole names"),
	KEEP("domain_suffix", suffixes, "ends of names"),
	KEEP("domain_keyword", keywords, "parts of names"),
	KEEP("ip_cidr", to, "prefixes of destinations"),
	KEEP("ip_cidr_file", to_files, "files of such prefixes"),
	{ .key = "ip_is_private",
	  .type = ROW_BOOL,
	  ROW_FIELD(struct work, rule.to_private),
	  .help = "destinations that are not public" },
	KEEP("source_ip_cidr", from, "prefixes of sources"),
	KEEP("source_ip_cidr_file", from_files, "files of such prefixes"),
	{ .key = "source_ip_is_private",
	  .type = ROW_BOOL,
	  ROW_FIELD(struct work, from_private),
	  .help = "sources that are not public" },
	KEEP("port", ports, "destination ports"),
	KEEP("port_range", ranges, "ranges of destination ports"),
	KEEP("source_port", source_ports, "source ports"),
	KEEP("source_port_range", source_ranges, "ranges of source ports"),
	{ 0 },
};

/* Where the object with that tag is among n that are `size` bytes apart, their `char *tag` at off;
 * n where none has it (reported). */
static size_t find_tag(struct config_reader *r, struct config_ref v, const char *kind,
		       const void *objects, size_t n, size_t size, size_t off)
{
	size_t i = 0;

	if (!config_want(r, v, JSON_STRING))
		return n;
	for (; i < n; i++) {
		const char *tag = *(char *const *)((const char *)objects + i * size + off);

		if (tag && strcmp(tag, json_string_value(v.v)) == 0)
			return i;
	}
	config_error(&r->report, v.n, "no %s has the tag \"%s\"", kind,
		     ECHO(json_string_value(v.v)));
	return n;
}

bool config_find_outbound(struct config_reader *r, struct config_ref v, size_t *ret)
{
	struct config *c = r->c;
	size_t i = find_tag(r, v, "outbound", c->outbounds, c->n_outbounds, sizeof(*c->outbounds),
			    offsetof(struct config_outbound, tag));

	if (i == c->n_outbounds)
		return false;
	*ret = i;
	return true;
}

static void read_inbounds(struct config_reader *r, struct config_ref v, struct config_rule *rule)
{
	struct config *c = r->c;
	struct config_list l = config_list_start(v);

	if (!config_want_some(r, v))
		return;
	rule->inbounds = config_alloc(r, l.n, sizeof(*rule->inbounds));
	for (; rule->inbounds && l.item.v; config_list_next(&l)) {
		size_t i = find_tag(r, l.item, "inbound", c->inbounds, c->n_inbounds,
				    sizeof(*c->inbounds), offsetof(struct config_inbound, tag));

		if (i == c->n_inbounds)
			continue;
		rule->inbounds[rule->n_inbounds++] = (uint32_t)i;
		if (rule->action == RULE_BYPASS && c->inbounds[i].type != INBOUND_TRANSPARENT)
			config_error(&r->report, l.item.n,
				     "\"%s\" is no transparent inbound: nothing is captured there",
				     ECHO(c->inbounds[i].tag));
	}
}

static void read_network(struct config_reader *r, struct config_ref v, struct config_rule *rule)
{
	bool tcp = false, udp = false;

	if (!config_want_some(r, v))
		return;
	for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l)) {
		const char *text = json_string_value(l.item.v);

		if (!config_want(r, l.item, JSON_STRING))
			continue;
		if (strcmp(text, "tcp") == 0)
			tcp = true;
		else if (strcmp(text, "udp") == 0)
			udp = true;
		else
			config_error(&r->report, l.item.n,
				     "must be \"tcp\" or \"udp\", not \"%s\"%s", ECHO(text),
				     strcmp(text, "icmp") ? "" : ": nothing else is carried");
	}
	rule->network = tcp == udp ? 0 : tcp ? IPPROTO_TCP : IPPROTO_UDP;
}

/* False where it is none that we have. */
static bool read_action(struct config_reader *r, struct config_ref v, enum rule_action *ret)
{
	static const char *const names[] = {
		[RULE_ROUTE] = "route", [RULE_REJECT] = "reject", [RULE_BYPASS] = "bypass"
	};
	const char *text = json_string_value(v.v);

	if (!config_want(r, v, JSON_STRING))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], text) == 0) {
			*ret = (enum rule_action)i;
			return true;
		}
	for (const struct config_type_hint *h = config_action_hints; h->type; h++)
		if (strcmp(h->type, text) == 0) {
			config_error(&r->report, v.n, "action \"%s\" is not supported: %s", text,
				     h->hint);
			return false;
		}
	config_error(&r->report, v.n, "must be \"route\", \"reject\" or \"bypass\", not \"%s\"",
		     ECHO(text));
	return false;
}

/* sing-box writes the type of a plain rule as "default" or not at all. */
static void read_type(struct config_reader *r, struct config_ref v)
{
	const char *text = json_string_value(v.v);

	if (!config_want(r, v, JSON_STRING) || strcmp(text, "default") == 0)
		return;
	if (strcmp(text, "logical") == 0)
		config_error(&r->report, v.n,
			     "type \"logical\" is not supported: write one rule for each case, the "
			     "special ones first");
	else
		config_error(&r->report, v.n, "unknown type \"%s\"", ECHO(text));
}

static void read_outbound(struct config_reader *r, struct config_ref v, struct work *w)
{
	if (w->rule.action == RULE_BYPASS)
		return; /* config_check_rule() reports it */
	if (w->rule.action == RULE_REJECT && w->outbound.v)
		config_error_key(&r->report, w->outbound.n,
				 "has no meaning where the action is \"reject\"");
	else if (w->rule.action == RULE_ROUTE && !w->outbound.v)
		config_error(&r->report, v.n, "\"outbound\" is missing: its tag");
	else if (w->rule.action == RULE_ROUTE)
		config_find_outbound(r, w->outbound, &w->rule.outbound);
}

static void finish(struct config_reader *r, struct config_ref v, struct work *w)
{
	struct config_rule *rule = &w->rule;

	if (w->inbound.v)
		read_inbounds(r, w->inbound, rule);
	if (w->network.v)
		read_network(r, w->network, rule);
	config_read_texts(r, w->users, NULL, &rule->users, &rule->n_users);
	config_read_texts(r, w->domains, config_check_domain, &rule->domains, &rule->n_domains);
	config_read_texts(r, w->suffixes, config_check_suffix, &rule->domain_suffixes,
			  &rule->n_domain_suffixes);
	config_read_texts(r, w->keywords, config_check_keyword, &rule->domain_keywords,
			  &rule->n_domain_keywords);
	config_read_prefixes(r, w->to, &rule->to);
	config_read_prefixes(r, w->from, &rule->from);
	if (w->from_private && prefix_list_add_private(&rule->from) < 0)
		r->oom = true;
	prefix_list_normal(&rule->from);
	config_read_texts(r, w->to_files, config_check_list_file, &rule->to_files,
			  &rule->n_to_files);
	config_read_texts(r, w->from_files, config_check_list_file, &rule->from_files,
			  &rule->n_from_files);
	config_read_ports(r, w->ports, w->ranges, &rule->ports, &rule->n_ports);
	config_read_ports(r, w->source_ports, w->source_ranges, &rule->source_ports,
			  &rule->n_source_ports);
	config_check_rule(r, v, rule);
}

static void read_rule(struct config_reader *r, struct config_ref v, struct config_rule *rule)
{
	static const struct config_row *const tables[] = { config_rows_rule, config_refused_rule,
							   NULL };
	struct work w = { 0 };
	bool good = true;

	if (!config_read_object(r, v, tables, &w))
		return;
	if (w.type.v)
		read_type(r, w.type);
	if (w.action.v)
		good = read_action(r, w.action, &w.rule.action);
	if (good)
		read_outbound(r, v, &w);
	finish(r, v, &w);
	*rule = w.rule;
}

void config_read_rules(struct config_reader *r, struct config_ref v)
{
	if (!config_want_bounds(r, v))
		return;
	r->c->rules = config_alloc(r, json_array_size(v.v), sizeof(*r->c->rules));
	for (struct config_list l = config_list_start(v); r->c->rules && l.item.v;
	     config_list_next(&l))
		read_rule(r, l.item, &r->c->rules[r->c->n_rules++]);
}

void config_rule_done(struct config_rule *rule)
{
	free(rule->inbounds);
	free(rule->ports);
	free(rule->source_ports);
	prefix_list_done(&rule->to);
	prefix_list_done(&rule->from);
	config_texts_done(rule->users, rule->n_users);
	config_texts_done(rule->domains, rule->n_domains);
	config_texts_done(rule->domain_suffixes, rule->n_domain_suffixes);
	config_texts_done(rule->domain_keywords, rule->n_domain_keywords);
	config_texts_done(rule->to_files, rule->n_to_files);
	config_texts_done(rule->from_files, rule->n_from_files);
}
