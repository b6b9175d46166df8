// SPDX-License-Identifier: GPL-2.0-or-later
// The routes and rules that a plan asks for.
#include "net/layout.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

/*
 * Places in a plan's range of priorities. The kernel deletes the first rule that has what the
 * request has, even if it has more: so rules of which one says more than the other never share a
 * priority.
 */
enum place {
	PLACE_OWN,    /* the daemon's own traffic, and what conntrack spares */
	PLACE_PORT,   /* bypass_ports, and bypass_sources with ports */
	PLACE_SOURCE, /* bypass_sources without */
	PLACE_MARKED, /* what an nft chain marked: of this machine, or come in by an interface */
	PLACE_MARKED_FROM, /* likewise, and from a source */
	PLACE_IIF,	   /* what comes in by an interface */
	PLACE_IIF_FROM,	   /* likewise, and from a source */
	PLACE_END,	   /* where those go that are let through */
};
_Static_assert(PLACE_END == PLAN_PRIORITIES - 1, "");

/* The state of one translation, for one family. */
struct making {
	const struct plan *p;
	const struct layout *l;
	struct object_list *to;
	uint8_t family;
	int err;
};

bool layout_spares(const struct plan *p, const struct layout *l)
{
	if (p->steering != STEERING_SK_LOOKUP)
		return true;
	return p->spare_replies == SPARE_YES || (p->spare_replies == SPARE_AUTO && l->conntrack);
}

bool layout_has_sets(const struct plan *p)
{
	return p->steering != STEERING_SK_LOOKUP;
}

bool layout_has_nft(const struct plan *p, const struct layout *l)
{
	return layout_has_sets(p) || p->local || layout_spares(p, l);
}

int layout_bypass(const struct plan *p, struct prefix_list *ret)
{
	static const char *const always[] = { "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255",
					      "fe80::/10", "ff00::/8" };
	struct prefix_list all = { 0 };
	struct prefix one;
	int err = prefix_list_add_all(&all, &p->bypass);

	for (size_t i = 0; i < sizeof(always) / sizeof(*always) && !err; i++) {
		prefix_parse(always[i], strlen(always[i]), &one);
		err = prefix_list_add(&all, &one);
	}
	if (err) {
		prefix_list_done(&all);
		return err;
	}
	prefix_list_normal(&all);
	*ret = all;
	return 0;
}

static void add(struct making *m, struct object o)
{
	o.family = m->family;
	o.protocol = PLAN_PROTOCOL;
	if (!m->err)
		m->err = object_list_add(m->to, &o);
}

static void add_rule(struct making *m, enum place place, struct object o)
{
	o.kind = OBJECT_RULE;
	o.priority = m->p->priority + place;
	if (o.type == FR_ACT_GOTO)
		o.target = m->p->priority + PLACE_END;
	if (o.type == FR_ACT_TO_TBL)
		o.table = m->p->table;
	add(m, o);
}

static void add_local_route(struct making *m)
{
	add(m, (struct object){
		       .kind = OBJECT_ROUTE,
		       .type = RTN_LOCAL,
		       .table = m->p->table,
		       .to = { .family = m->family },
	       });
}

/* Where all of the family is let through the table says nothing, which is what throw means. */
static void add_routes(struct making *m, const struct prefix_list *bypass)
{
	bool all = false;

	for (size_t i = 0; i < bypass->n; i++) {
		if (bypass->at[i].family != m->family)
			continue;
		all = all || bypass->at[i].len == 0;
		if (!all)
			add(m, (struct object){
				       .kind = OBJECT_ROUTE,
				       .type = RTN_THROW,
				       .table = m->p->table,
				       .to = bypass->at[i],
			       });
	}
	if (!all)
		add_local_route(m);
}

/* Ports are looked at in rules that name the protocol: one rule for each that is captured. The
 * kernel takes no port 0. */
static void add_by_ports(struct making *m, struct object o, const struct port_range *ports)
{
	bool captured[] = { m->p->tcp, m->p->udp };
	bool some = ports->first > 1 || ports->last < UINT16_MAX;
	enum place place = o.from.family && !some ? PLACE_SOURCE : PLACE_PORT;
	uint16_t *range = o.from.family ? o.sport : o.dport;

	if (some) {
		range[0] = ports->first ? ports->first : 1;
		range[1] = ports->last;
	}
	for (int i = 0; i < 2; i++) {
		o.ip_proto = i ? IPPROTO_UDP : IPPROTO_TCP;
		if (captured[i] && (!ports->protocol || ports->protocol == o.ip_proto))
			add_rule(m, place, o);
	}
}

/* Everybody is two halves: a rule without a source would be another kind, in need of a priority of
 * its own. */
static void add_by_source(struct making *m, const struct bypass_source *s)
{
	struct object o = { .type = FR_ACT_GOTO, .from = s->from };

	if (s->from.len) {
		add_by_ports(m, o, &s->ports);
		return;
	}
	o.from.len = 1;
	add_by_ports(m, o, &s->ports);
	o.from.ip[0] = 0x80;
	add_by_ports(m, o, &s->ports);
}

static void add_bypass_rules(struct making *m)
{
	struct object o = { .type = FR_ACT_GOTO };

	for (size_t i = 0; i < m->p->n_bypass_sources; i++)
		if (m->p->bypass_sources[i].from.family == m->family)
			add_by_source(m, &m->p->bypass_sources[i]);
	for (size_t i = 0; i < m->p->n_bypass_ports; i++)
		add_by_ports(m, o, &m->p->bypass_ports[i]);
}

/*
 * An IPv4 packet that is forwarded to a captured interface has the way back to its source looked
 * up, as if it had come in there, but without its mark: a rule by interface alone answers "this
 * machine's own", and the packet is dropped as a martian. So where flows are spared, and come from
 * outside, capturing takes a mark. IPv6 has no such check, and captures whatever becomes of nft.
 */
static bool by_mark(const struct making *m)
{
	return m->p->steering == STEERING_TPROXY ||
	       (m->family == AF_INET && layout_spares(m->p, m->l));
}

static void add_interface(struct making *m, const char *name, const struct prefix *from)
{
	struct object o = { .type = FR_ACT_TO_TBL };
	enum place place = from ? PLACE_IIF_FROM : PLACE_IIF;

	strcpy(o.iif, name);
	if (from)
		o.from = *from;
	if (by_mark(m)) {
		o.mark = o.mask = m->p->capture_mark;
		place = from ? PLACE_MARKED_FROM : PLACE_MARKED;
	}
	o.ip_proto = IPPROTO_TCP;
	if (m->p->tcp)
		add_rule(m, place, o);
	o.ip_proto = IPPROTO_UDP;
	if (m->p->udp)
		add_rule(m, place, o);
}

static void add_interfaces(struct making *m)
{
	for (size_t i = 0; i < m->p->n_interfaces; i++) {
		const struct prefix_list *from = &m->p->sources;

		if (!from->n)
			add_interface(m, m->p->interfaces[i], NULL);
		for (size_t j = 0; j < from->n; j++)
			if (from->at[j].family == m->family)
				add_interface(m, m->p->interfaces[i],
					      from->at[j].len ? &from->at[j] : NULL);
	}
}

static void add_output(struct making *m)
{
	uint32_t mark = m->p->capture_mark;

	if (m->p->local)
		add_rule(m, PLACE_MARKED,
			 (struct object){
				 .type = FR_ACT_TO_TBL, .iif = "lo", .mark = mark, .mask = mark });
}

static void add_sk_lookup(struct making *m, const struct prefix_list *bypass)
{
	uint32_t own = m->p->own_mark;

	add_routes(m, bypass);
	add_rule(m, PLACE_END, (struct object){ .type = FR_ACT_NOP });
	add_rule(m, PLACE_OWN, (struct object){ .type = FR_ACT_GOTO, .mark = own, .mask = own });
	add_bypass_rules(m);
	add_output(m);
	add_interfaces(m);
}

int layout_objects(const struct plan *p, const struct layout *l, struct object_list *ret)
{
	struct prefix_list bypass = { 0 };
	struct making m = { .p = p, .l = l, .to = ret };

	m.err = layout_bypass(p, &bypass);
	for (int i = 0; i < (l->ipv6 ? 2 : 1) && !m.err; i++) {
		m.family = i ? AF_INET6 : AF_INET;
		if (p->steering == STEERING_SK_LOOKUP) {
			add_sk_lookup(&m, &bypass);
		} else if (p->steering == STEERING_TPROXY) {
			add_local_route(&m);
			add_output(&m);
			add_interfaces(&m);
		}
	}
	prefix_list_done(&bypass);
	return m.err;
}
