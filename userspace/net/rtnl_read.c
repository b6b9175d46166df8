// SPDX-License-Identifier: GPL-2.0-or-later
// Reading routes and rules.
#include <errno.h>
#include <linux/fib_rules.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "net/rtnl.h"
#include "net/rtnl_impl.h"

#define TRIES 8 /* of a dump that a change interrupted */

struct reading {
	struct object_list *to;
	uint32_t table; /* of routes */
	int err;
};

static void take_prefix(struct prefix *p, uint8_t family, uint8_t len, const struct nlattr *a)
{
	p->family = family;
	p->len = len;
	if (a)
		memcpy(p->ip, nla_data(a), (size_t)(nla_len(a) > 16 ? 16 : nla_len(a)));
}

static void take_route(struct reading *g, struct nlmsghdr *h)
{
	const struct rtmsg *m = nlmsg_data(h);
	struct object o = { .kind = OBJECT_ROUTE };
	struct nlattr *a[RTA_MAX + 1];

	if (nlmsg_parse(h, sizeof(*m), a, RTA_MAX, NULL) < 0 || m->rtm_flags & RTM_F_CLONED)
		return;
	o.family = m->rtm_family;
	o.type = m->rtm_type;
	o.protocol = m->rtm_protocol;
	o.table = a[RTA_TABLE] ? nla_get_u32(a[RTA_TABLE]) : m->rtm_table;
	o.other = a[RTA_GATEWAY] || a[RTA_VIA] || a[RTA_MULTIPATH] || m->rtm_src_len || m->rtm_tos;
	take_prefix(&o.to, m->rtm_family, m->rtm_dst_len, a[RTA_DST]);
	if (o.table == g->table && (o.family == AF_INET || o.family == AF_INET6) && !g->err)
		g->err = object_list_add(g->to, &o);
}

/* Attributes that an object tells, or that say nothing. */
static bool is_told(int attribute)
{
	switch (attribute) {
	case FRA_UNSPEC:
	case FRA_PRIORITY:
	case FRA_PROTOCOL:
	case FRA_SRC:
	case FRA_IIFNAME:
	case FRA_FWMARK:
	case FRA_FWMASK:
	case FRA_IP_PROTO:
	case FRA_SPORT_RANGE:
	case FRA_DPORT_RANGE:
	case FRA_TABLE:
	case FRA_GOTO:
	case FRA_PAD:
		return true;
	default:
		return false;
	}
}

static bool says_more(const struct fib_rule_hdr *m, struct nlattr *const *a)
{
	bool more = m->dst_len || m->tos || m->flags & FIB_RULE_INVERT;

	for (int i = 0; i <= FRA_MAX; i++) {
		if (!a[i] || is_told(i))
			continue;
		/* always there: no limit */
		if (i == FRA_SUPPRESS_PREFIXLEN && nla_get_u32(a[i]) == UINT32_MAX)
			continue;
		more = true;
	}
	return more;
}

static void take_range(uint16_t to[2], const struct nlattr *a)
{
	struct fib_rule_port_range r;

	if (!a || nla_len(a) < (int)sizeof(r))
		return;
	memcpy(&r, nla_data(a), sizeof(r));
	to[0] = r.start;
	to[1] = r.end;
}

static void take_rule(struct reading *g, struct nlmsghdr *h)
{
	const struct fib_rule_hdr *m = nlmsg_data(h);
	struct object o = { .kind = OBJECT_RULE };
	struct nlattr *a[FRA_MAX + 1];

	if (nlmsg_parse(h, sizeof(*m), a, FRA_MAX, NULL) < 0)
		return;
	o.family = m->family;
	o.type = m->action;
	o.other = says_more(m, a);
	o.protocol = a[FRA_PROTOCOL] ? nla_get_u8(a[FRA_PROTOCOL]) : 0;
	o.priority = a[FRA_PRIORITY] ? nla_get_u32(a[FRA_PRIORITY]) : 0;
	o.target = a[FRA_GOTO] ? nla_get_u32(a[FRA_GOTO]) : 0;
	if (o.type == FR_ACT_TO_TBL)
		o.table = a[FRA_TABLE] ? nla_get_u32(a[FRA_TABLE]) : m->table;
	o.mark = a[FRA_FWMARK] ? nla_get_u32(a[FRA_FWMARK]) : 0;
	o.mask = a[FRA_FWMASK] ? nla_get_u32(a[FRA_FWMASK]) : 0;
	o.ip_proto = a[FRA_IP_PROTO] ? nla_get_u8(a[FRA_IP_PROTO]) : 0;
	take_range(o.sport, a[FRA_SPORT_RANGE]);
	take_range(o.dport, a[FRA_DPORT_RANGE]);
	if (a[FRA_IIFNAME])
		nla_strlcpy(o.iif, a[FRA_IIFNAME], sizeof(o.iif));
	if (m->src_len)
		take_prefix(&o.from, m->family, m->src_len, a[FRA_SRC]);
	if (!g->err)
		g->err = object_list_add(g->to, &o);
}

static int take(struct nl_msg *m, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(m);

	if (h->nlmsg_type == RTM_NEWROUTE)
		take_route(arg, h);
	else if (h->nlmsg_type == RTM_NEWRULE)
		take_rule(arg, h);
	return NL_OK;
}

/* The kernel's errno of a failed dump; libnl tells its own numbers. */
static int note_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	(void)from;
	*(int *)arg = e->error;
	return NL_STOP;
}

static int request(struct rtnl *r, int type, uint8_t family, uint32_t table)
{
	struct rtmsg m = { .rtm_family = family };
	struct fib_rule_hdr rule = { .family = family };
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
	int err = msg ? 0 : -ENOMEM;

	if (!err && type == RTM_GETROUTE)
		err = nlmsg_append(msg, &m, sizeof(m), NLMSG_ALIGNTO) < 0 ||
				      nla_put_u32(msg, RTA_TABLE, table) < 0
			      ? -ENOMEM
			      : 0;
	else if (!err)
		err = nlmsg_append(msg, &rule, sizeof(rule), NLMSG_ALIGNTO) < 0 ? -ENOMEM : 0;
	if (!err && nl_send_auto(r->nl, msg) < 0)
		err = -EIO;
	nlmsg_free(msg);
	return err;
}

/* -EAGAIN: interrupted. */
static int dump_once(struct rtnl *r, int type, uint8_t family, struct reading *g)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err = cb ? request(r, type, family, g->table) : -ENOMEM, kernel = 0, rc;

	if (!err) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, take, g);
		nl_cb_err(cb, NL_CB_CUSTOM, note_error, &kernel);
		rc = nl_recvmsgs(r->nl, cb);
		err = kernel ? kernel : rc == -NLE_DUMP_INTR ? -EAGAIN : rc < 0 ? -EIO : g->err;
	}
	nl_cb_put(cb);
	/* a family, or a table, that is not there */
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP || err == -ENOENT ? 0 : err;
}

static int dump(struct rtnl *r, int type, uint8_t family, struct reading *g)
{
	size_t before = g->to->n;
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && err == -EAGAIN; i++) {
		g->to->n = before;
		err = dump_once(r, type, family, g);
	}
	return err;
}

static int dump_both(struct rtnl *r, int type, struct reading *g)
{
	int err = dump(r, type, AF_INET, g);

	return err ? err : dump(r, type, AF_INET6, g);
}

int rtnl_rules(struct rtnl *r, struct object_list *ret)
{
	struct reading g = { .to = ret };

	return dump_both(r, RTM_GETRULE, &g);
}

int rtnl_routes(struct rtnl *r, uint32_t table, struct object_list *ret)
{
	struct reading g = { .to = ret, .table = table };

	return dump_both(r, RTM_GETROUTE, &g);
}
