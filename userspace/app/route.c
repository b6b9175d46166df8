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

static int fill_lists(struct route_rule *rule, const struct config_rule *c, char *why,
		      size_t why_len)
{
	int err = 0;

	if (prefix_list_add_all(&rule->to, &c->to) < 0 ||
	    prefix_list_add_all(&rule->from, &c->from) < 0 ||
	    (c->to_private && prefix_list_add_private(&rule->to) < 0) ||
	    name_set_init(&rule->names, c->domains, c->n_domains, c->domain_suffixes,
			  c->n_domain_suffixes) < 0)
		return -ENOMEM;
	err = read_files(&rule->to, c->to_files, c->n_to_files, why, why_len);
	if (!err)
		err = read_files(&rule->from, c->from_files, c->n_from_files, why, why_len);
	prefix_list_normal(&rule->to);
	prefix_list_normal(&rule->from);
	return err;
}

static void note_wants(struct route *r, const struct config_rule *c)
{
	for (size_t i = 0; i < r->n_inbounds; i++)
		r->wants_domain[i] |= route_rule_is_for(c, i);
}

static int add_rule(struct route *r, const struct config_rule *c, int index, char *why,
		    size_t why_len)
{
	struct route_rule *rule = &r->rules[r->n_rules++];

	rule->config = c;
	rule->index = index;
	rule->by_name = c->n_domains || c->n_domain_suffixes || c->n_domain_keywords;
	/* an empty file is a list that nothing is in */
	rule->to_some = rule->by_name || c->to.n || c->n_to_files || c->to_private;
	rule->from_some = c->from.n || c->n_from_files;
	r->by_name |= rule->by_name;
	r->by_source |= rule->from_some || c->n_source_ports;
	r->rejects |= c->action == RULE_REJECT;
	if (rule->by_name)
		note_wants(r, c);
	return fill_lists(rule, c, why, why_len);
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
			err = add_rule(r, &c->rules[i], (int)i, why, why_len);
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
		prefix_list_done(&r->rules[i].to);
		prefix_list_done(&r->rules[i].from);
		name_set_done(&r->rules[i].names);
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
