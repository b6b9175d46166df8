// SPDX-License-Identifier: GPL-2.0-or-later
// Which rule is the first that fits a flow.
#include <string.h>

#include "app/route_impl.h"

/* A flow as the rules want it. */
struct subject {
	const struct route_key *key;
	const uint8_t *to, *from; /* NULL: a name; unknown */
	size_t to_len, from_len;
	uint64_t to_key, from_key;
	uint16_t from_port;
	const struct name *name; /* NULL: none is known */
	uint64_t name_bits;
};

bool route_rule_is_for(const struct config_rule *rule, size_t inbound)
{
	for (size_t i = 0; i < rule->n_inbounds; i++)
		if (rule->inbounds[i] == inbound)
			return true;
	return rule->n_inbounds == 0;
}

static bool has_port(const struct port_range *at, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (port >= at[i].first && port <= at[i].last)
			return true;
	return n == 0;
}

static bool has_user(const struct config_rule *c, const char *user)
{
	for (size_t i = 0; i < c->n_users; i++)
		if (strcmp(c->users[i], user) == 0)
			return true;
	return c->n_users == 0;
}

static bool fits_source(const struct route_rule *r, const struct subject *s)
{
	const struct config_rule *c = r->config;

	return !r->from_known ||
	       (has_port(c->source_ports, c->n_source_ports, s->from_port) &&
		(!r->from_some || prefix_list_has(&r->lists->from, s->from, s->from_len)));
}

static bool fits_name(const struct route_rule *r, const struct name *name)
{
	const struct config_rule *c = r->config;

	if (name_set_has(&r->lists->names, name))
		return true;
	for (size_t i = 0; i < c->n_domain_keywords; i++)
		if (strstr(name->text, c->domain_keywords[i]))
			return true;
	return false;
}

static bool fits_destination(const struct route_rule *r, const struct subject *s)
{
	if (!r->to_some)
		return true;
	if (s->to && prefix_list_has(&r->lists->to, s->to, s->to_len))
		return true;
	return r->name_bits && s->name && fits_name(r, s->name);
}

static bool is_within(const struct route_span *span, uint64_t key)
{
	return key - span->first <= span->span;
}

/* False for nearly all that do not fit, and never for one that does. */
static bool may_fit(const struct route_rule *r, const struct subject *s)
{
	uint16_t port = s->key->dst->port;

	if ((r->network && r->network != s->key->network) || port < r->port_first ||
	    port > r->port_last)
		return false;
	if (r->from_known && (!s->from || (r->from_some && !is_within(&r->from, s->from_key))))
		return false;
	return !r->to_some || r->name_bits & s->name_bits ||
	       (r->to_addresses && s->to && is_within(&r->to, s->to_key));
}

static bool fits(const struct route_rule *r, const struct subject *s)
{
	const struct config_rule *c = r->config;

	return has_port(c->ports, c->n_ports, s->key->dst->port) &&
	       route_rule_is_for(c, s->key->inbound) && has_user(c, s->key->user) &&
	       fits_source(r, s) && fits_destination(r, s);
}

static void set_destination(struct subject *s, const struct addr *dst)
{
	if (dst->type == ADDR_IPV4 || dst->type == ADDR_IPV6) {
		s->to = dst->ip6;
		s->to_len = dst->type == ADDR_IPV4 ? 4 : 16;
		s->to_key = route_key_of(s->to, s->to_len);
	}
}

static void set_source(struct subject *s, const union sockaddr_any *src)
{
	if (src->sa.sa_family == AF_INET || src->sa.sa_family == AF_INET6) {
		s->from = sockaddr_ip(src, &s->from_len);
		s->from_key = route_key_of(s->from, s->from_len);
		s->from_port = sockaddr_port(src);
	}
}

struct route_verdict route_match(const struct route *r, const struct route_key *k)
{
	const char *text = k->dst->type == ADDR_NAME ? k->dst->name : k->domain;
	struct subject s = { .key = k };
	union sockaddr_any src;
	struct name name;

	set_destination(&s, k->dst);
	if (r->by_source && k->src) {
		src = *k->src;
		sockaddr_unmap(&src);
		set_source(&s, &src);
	}
	if (r->by_name && text) {
		name_cut(&name, text);
		s.name = &name;
		s.name_bits = name.bits;
	}
	for (size_t i = 0; i < r->n_rules; i++) {
		const struct route_rule *rule = &r->rules[i];

		if (may_fit(rule, &s) && fits(rule, &s))
			return (struct route_verdict){ .action = rule->config->action,
						       .outbound = rule->config->outbound,
						       .rule = rule->index };
	}
	return (struct route_verdict){ .action = RULE_ROUTE,
				       .outbound = r->final_outbound,
				       .rule = -1 };
}
