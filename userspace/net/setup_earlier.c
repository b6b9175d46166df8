// SPDX-License-Identifier: GPL-2.0-or-later
// Policy rules of others that come before a plan's and leave it nothing to capture, or too much.
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "net/own.h"
#include "net/setup_impl.h"

/* Whether a rule takes what comes in by one of our interfaces, in one protocol at least: all of
 * that, or what has the rule's mark, source or ports. */
static bool catches(const struct plan *p, const struct object *o)
{
	bool by_interface = !o->iif[0];

	if (o->other)
		return false;
	if (o->type == FR_ACT_NOP || o->type == FR_ACT_GOTO ||
	    (o->type == FR_ACT_TO_TBL && o->table == RT_TABLE_LOCAL))
		return false;
	if ((o->ip_proto == IPPROTO_TCP && !p->tcp) || (o->ip_proto == IPPROTO_UDP && !p->udp) ||
	    (o->ip_proto && o->ip_proto != IPPROTO_TCP && o->ip_proto != IPPROTO_UDP))
		return false;
	for (size_t i = 0; i < p->n_interfaces; i++)
		by_interface = by_interface || !strcmp(o->iif, p->interfaces[i]);
	return by_interface;
}

static bool is_narrow(const struct object *o)
{
	return o->mask || o->from.family || o->sport[1] || o->dport[1];
}

/* An address of this machine, as in rules for answers over the uplink that was asked: nobody else
 * sends from it. */
static bool is_own_source(const struct object *o)
{
	size_t n = o->from.family == AF_INET ? 4 : 16;
	struct prefix_list own;
	bool ret;

	if (!o->from.family || o->from.len != 8 * n || own_read(&own) < 0)
		return false;
	ret = prefix_list_has(&own, o->from.ip, n);
	prefix_list_done(&own);
	return ret;
}

/* Where the operator's rules choose an uplink by marks: a warning, one of each family says enough.
 */
static void tell_narrow(const struct setup *s, const struct object *o, bool told[static 2])
{
	if (told[o->family == AF_INET6] || is_own_source(o))
		return;
	told[o->family == AF_INET6] = true;
	setup_say(s,
		  "warning: the IPv%d rule of priority %u comes first: what has its mark, source "
		  "or ports is not captured, but goes where that rule leads; choose a \"priority\" "
		  "below it, unless that is meant",
		  o->family == AF_INET ? 4 : 6, o->priority);
}

/* A jump over our range, for everything. */
static bool jumps_over(const struct plan *p, const struct object *o)
{
	return o->type == FR_ACT_GOTO && o->target > p->priority && !o->other && !o->mask &&
	       !o->from.family && !o->iif[0] && !o->ip_proto && !o->sport[1] && !o->dport[1];
}

static bool is_another_plan(const struct object *o)
{
	return o->protocol == PLAN_PROTOCOL;
}

int setup_earlier(struct setup *s, const struct plan *p)
{
	bool local[2] = { false, !s->layout.ipv6 }, told[2] = { false, false };
	int n = 0;

	for (size_t i = 0; i < s->rules.n; i++) {
		const struct object *o = &s->rules.at[i];

		if (o->priority >= p->priority || is_another_plan(o))
			continue;
		if (o->type == FR_ACT_TO_TBL && o->table == RT_TABLE_LOCAL && !o->other &&
		    !o->mask && !o->iif[0])
			local[o->family == AF_INET6] = true;
		if (!catches(p, o) && !jumps_over(p, o))
			continue;
		if (is_narrow(o)) {
			tell_narrow(s, o, told);
			continue;
		}
		setup_say(s,
			  "problem: the IPv%d rule of priority %u comes first and takes "
			  "everything: choose a \"priority\" below it",
			  o->family == AF_INET ? 4 : 6, o->priority);
		n++;
	}
	for (int i = 0; i < 2; i++)
		if (!local[i]) {
			setup_say(s,
				  "problem: no IPv%d rule before priority %u looks up the table "
				  "local: this machine's own addresses would be captured",
				  i ? 6 : 4, p->priority);
			n++;
		}
	return n;
}
