// SPDX-License-Identifier: GPL-2.0-or-later
// Snapshots of the rules: made, shared, replaced.
#include "app/route_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds the lists of files. */
static int read_files(struct prefix_list *l, char *const *paths, size_t n, char *why,
		      size_t why_len)
{
	for (size_t i = 0; i < n; i++) {
		int err = prefix_list_read(l, paths[i], why, why_len);

		if (err)
			return err;
	}
	return 0;
}

static int fill_lists(struct route_lists *l, const struct config_rule *c, char *why, size_t why_len)
{
	int err;

	if (prefix_list_add_all(&l->to, &c->to) < 0 ||
	    prefix_list_add_all(&l->from, &c->from) < 0 ||
	    (c->to_private && prefix_list_add_private(&l->to) < 0) ||
	    name_set_init(&l->names, c->domains, c->n_domains, c->domain_suffixes,
			  c->n_domain_suffixes) < 0)
		return -ENOMEM;
	err = read_files(&l->to, c->to_files, c->n_to_files, why, why_len);
	if (!err)
		err = read_files(&l->from, c->from_files, c->n_from_files, why, why_len);
	prefix_list_normal(&l->to);
	prefix_list_normal(&l->from);
	return err;
}

/* From the first to the last key; both families may be in it, which only makes it wider. */
static struct route_span span_of(const struct prefix_list *l)
{
	uint64_t first = UINT64_MAX, last = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct prefix *p = &l->at[i];
		unsigned bits = p->family == AF_INET ? 32 : 64;
		uint64_t key = route_key_of(p->ip, p->family == AF_INET ? 4 : 16);
		uint64_t all = bits == 32 ? UINT32_MAX : UINT64_MAX;
		uint64_t end = key | (p->len < bits ? all >> p->len : 0);

		first = key < first ? key : first;
		last = end > last ? end : last;
	}
	return (struct route_span){ .first = first, .span = last - first };
}

static void set_ports(struct route_rule *rule, const struct config_rule *c)
{
	rule->port_first = c->n_ports ? UINT16_MAX : 0;
	rule->port_last = c->n_ports ? 0 : UINT16_MAX;
	for (size_t i = 0; i < c->n_ports; i++) {
		if (c->ports[i].first < rule->port_first)
			rule->port_first = c->ports[i].first;
		if (c->ports[i].last > rule->port_last)
			rule->port_last = c->ports[i].last;
	}
}

/* Of a rule with its lists: what tells it from most flows. An empty file is a list that nothing is
 * in: the condition is there all the same. */
static void set_first_look(struct route_rule *rule)
{
	const struct config_rule *c = rule->config;
	const struct route_lists *l = rule->lists;

	rule->network = c->network;
	set_ports(rule, c);
	rule->name_bits = c->n_domain_keywords ? UINT64_MAX : l->names.bits;
	rule->to_addresses = l->to.n > 0;
	rule->to_some = rule->name_bits || c->to.n || c->n_to_files || c->to_private;
	rule->from_some = c->from.n || c->n_from_files;
	rule->from_known = rule->from_some || c->n_source_ports;
	rule->to = span_of(&l->to);
	rule->from = span_of(&l->from);
}

static void note_rule(struct route *r, const struct route_rule *rule)
{
	r->by_name |= rule->name_bits != 0;
	r->by_source |= rule->from_known;
	r->rejects |= rule->config->action == RULE_REJECT;
	for (size_t i = 0; i < r->n_inbounds && rule->name_bits; i++)
		r->wants_domain[i] |= route_rule_is_for(rule->config, i);
}

static int add_rule(struct route *r, const struct config_rule *c, size_t index, char *why,
		    size_t why_len)
{
	struct route_rule *rule = &r->rules[r->n_rules];
	int err;

	rule->config = c;
	rule->index = (int16_t)index;
	rule->lists = calloc(1, sizeof(*rule->lists));
	if (!rule->lists)
		return -ENOMEM;
	r->n_rules++;
	err = fill_lists(rule->lists, c, why, why_len);
	set_first_look(rule);
	note_rule(r, rule);
	return err;
}

struct route *route_new(const struct config *c, char *why, size_t why_len)
{
	struct route *r = calloc(1, sizeof(*r));
	int err = 0;

	snprintf(why, why_len, "out of memory");
	if (!r)
		return NULL;
	atomic_init(&r->refs, 1);
	r->final_outbound = c->final_outbound;
	r->n_inbounds = c->n_inbounds;
	r->rules = calloc(c->n_rules + 1, sizeof(*r->rules));
	r->wants_domain = calloc(c->n_inbounds + 1, sizeof(*r->wants_domain));
	if (!r->rules || !r->wants_domain)
		err = -ENOMEM;
	for (size_t i = 0; i < c->n_rules && !err; i++)
		if (c->rules[i].action != RULE_BYPASS)
			err = add_rule(r, &c->rules[i], i, why, why_len);
	if (!err)
		return r;
	route_unref(r);
	return NULL;
}

struct route *route_ref(struct route *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void route_unref(struct route *r)
{
	if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < r->n_rules; i++) {
		prefix_list_done(&r->rules[i].lists->to);
		prefix_list_done(&r->rules[i].lists->from);
		name_set_done(&r->rules[i].lists->names);
		free(r->rules[i].lists);
	}
	free(r->rules);
	free(r->wants_domain);
	free(r);
}

bool route_wants_domain(const struct route *r, uint32_t inbound)
{
	return inbound < r->n_inbounds && r->wants_domain[inbound];
}

bool route_rejects(const struct route *r)
{
	return r->rejects;
}

void route_slot_set(struct route_slot *s, struct route *r)
{
	struct route *old;

	pthread_mutex_lock(&s->lock);
	old = s->newest;
	s->newest = r;
	atomic_fetch_add_explicit(&s->version, 1, memory_order_release);
	pthread_mutex_unlock(&s->lock);
	route_unref(old);
}

void route_slot_get(struct route_slot *s, struct route **held, uint32_t *version)
{
	struct route *old = *held;

	if (atomic_load_explicit(&s->version, memory_order_acquire) == *version)
		return;
	pthread_mutex_lock(&s->lock);
	*held = s->newest ? route_ref(s->newest) : NULL;
	*version = atomic_load_explicit(&s->version, memory_order_relaxed);
	pthread_mutex_unlock(&s->lock);
	route_unref(old);
}

int route_bypass(const struct config *c, const struct config_inbound *in, struct prefix_list *ret,
		 char *why, size_t why_len)
{
	const struct config_transparent *t = &in->transparent;
	size_t inbound = (size_t)(in - c->inbounds);
	struct prefix_list l = { 0 };
	int err;

	snprintf(why, why_len, "out of memory");
	err = prefix_list_add_all(&l, &t->plan.bypass);
	if (!err)
		err = read_files(&l, t->bypass_files, t->n_bypass_files, why, why_len);
	for (size_t i = 0; i < c->n_rules && !err; i++) {
		const struct config_rule *rule = &c->rules[i];

		if (rule->action != RULE_BYPASS || !route_rule_is_for(rule, inbound))
			continue;
		err = prefix_list_add_all(&l, &rule->to);
		if (!err)
			err = read_files(&l, rule->to_files, rule->n_to_files, why, why_len);
	}
	if (err) {
		prefix_list_done(&l);
		return err;
	}
	prefix_list_normal(&l);
	*ret = l;
	return 0;
}
