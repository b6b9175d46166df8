// SPDX-License-Identifier: GPL-2.0-or-later
// The object "steering", and what the inbounds that steer must not take from each other.
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"

const struct config_row config_rows_steering[] = {
	{ .key = "own_mark",
	  .type = ROW_CALL,
	  .read = config_read_mark,
	  ROW_FIELD(struct config_steering, own_mark),
	  .help = "one bit of the mark of our own traffic, which is never captured" },
	{ .key = "capture_mark",
	  .type = ROW_CALL,
	  .read = config_read_mark,
	  ROW_FIELD(struct config_steering, capture_mark),
	  .help = "one bit of the mark of traffic that is captured" },
	{ .key = "directory",
	  .type = ROW_STRING,
	  ROW_FIELD(struct config_steering, directory),
	  .min = 1,
	  .max = 4000,
	  .help = "folder of the journals" },
	{ .key = "pins",
	  .type = ROW_STRING,
	  ROW_FIELD(struct config_steering, pins),
	  .min = 1,
	  .max = 4000,
	  .help = "folder of the BPF program and its maps, in a bpffs" },
	{ 0 },
};

/* "INSTANCE-TAG", of characters that every tool takes; -1 where it is too long. */
static int name_plan(const struct config *c, struct config_inbound *in)
{
	struct plan *p = &in->transparent.plan;
	int n = snprintf(p->name, sizeof(p->name), "%s-%s",
			 c->state.name ? c->state.name : "anytlsd", in->tag);

	for (char *at = p->name; *at; at++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
			    *at))
			*at = '_';
	return n < (int)sizeof(p->name) ? 0 : -1;
}

static bool share_interface(const struct plan *a, const struct plan *b)
{
	for (size_t i = 0; i < a->n_interfaces; i++)
		for (size_t k = 0; k < b->n_interfaces; k++)
			if (strcmp(a->interfaces[i], b->interfaces[k]) == 0)
				return true;
	return a->local && b->local;
}

/* What two set-ups cannot both have; NULL: they get along. */
static const char *clash(const struct plan *a, const struct plan *b)
{
	if (strcmp(a->name, b->name) == 0)
		return "name (of their tags, only letters, digits, '-' and '_' count)";
	if (a->table == b->table)
		return "\"table\"";
	if (a->priority < b->priority + PLAN_PRIORITIES &&
	    b->priority < a->priority + PLAN_PRIORITIES)
		return "\"priority\" (each takes eight)";
	return share_interface(a, b) ? "interface, or \"local\"" : NULL;
}

static bool is_bit(uint32_t mark)
{
	return mark && !(mark & (mark - 1));
}

static void check_pair(struct config_reader *r, struct config_ref item, size_t i, size_t k)
{
	const struct config_inbound *a = &r->c->inbounds[i], *b = &r->c->inbounds[k];
	const char *same;

	if (b->type != INBOUND_TRANSPARENT || b->transparent.foreign)
		return;
	same = clash(&a->transparent.plan, &b->transparent.plan);
	if (same)
		config_error(&r->report, item.n, "inbound %zu has the same %s", k + 1, same);
}

/* Gives each plan its name and marks. Whether there is one whose rules are ours. */
static bool finish_plans(struct config_reader *r, struct config_ref array)
{
	bool ours = false;

	for (struct config_list l = config_list_start(array); l.item.v && l.i < r->c->n_inbounds;
	     config_list_next(&l)) {
		struct config_inbound *in = &r->c->inbounds[l.i];

		if (in->type != INBOUND_TRANSPARENT || in->transparent.foreign || !in->tag)
			continue;
		ours = true;
		in->transparent.plan.own_mark = r->c->steering.own_mark;
		in->transparent.plan.capture_mark = r->c->steering.capture_mark;
		if (name_plan(r->c, in) < 0)
			config_error(&r->report, l.item.n,
				     "tag and state.name together have over %d bytes",
				     PLAN_NAME_MAX - 2);
		for (size_t k = 0; k < l.i; k++)
			check_pair(r, l.item, l.i, k);
	}
	return ours;
}

/* Whether what this machine sends is captured by its mark alone: sk_lookup's first rule looks at
 * own_mark. */
static bool is_captured_by_mark(const struct config *c)
{
	for (size_t i = 0; i < c->n_inbounds; i++) {
		const struct config_transparent *t = &c->inbounds[i].transparent;

		if (c->inbounds[i].type == INBOUND_TRANSPARENT && !t->foreign && t->plan.local &&
		    t->plan.steering == STEERING_TPROXY)
			return true;
	}
	return false;
}

static void finish_mark(struct config_reader *r, struct config_ref inbounds, size_t i)
{
	struct config *c = r->c;
	struct config_dial *d = &c->outbounds[i].dial;

	if (!d->routing_mark)
		d->routing_mark = c->default_mark;
	if (d->routing_mark & c->steering.capture_mark && is_captured_by_mark(c))
		config_error(&r->report, inbounds.n->parent,
			     "the routing_mark of outbound %zu has the bit of "
			     "steering.capture_mark: what it sends would be captured; choose "
			     "another one of them",
			     i + 1);
	d->routing_mark |= c->steering.own_mark;
}

void config_steering_finish(struct config_reader *r, struct config_ref array)
{
	struct config *c = r->c;
	struct config_steering *s = &c->steering;

	if (!json_is_array(array.v) || !finish_plans(r, array))
		s->own_mark = 0;
	else if (!is_bit(s->own_mark) || !is_bit(s->capture_mark) || s->own_mark == s->capture_mark)
		config_error(
			&r->report, array.n->parent,
			"steering.own_mark and steering.capture_mark must be one bit each, and "
			"not the same");
	for (size_t i = 0; i < c->n_outbounds; i++)
		finish_mark(r, array, i);
}
