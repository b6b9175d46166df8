// SPDX-License-Identifier: GPL-2.0-or-later
// Making and deleting routes and rules: many messages at a time, each acknowledged.
#include "net/rtnl.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/msg.h>

#include "net/rtnl_impl.h"

/* Acknowledgements of so many fit into the socket's buffer. */
#define BATCH 128
#define ROOM  256 /* of a message: more than any of ours */

int rtnl_open(struct rtnl **ret)
{
	struct rtnl *r = calloc(1, sizeof(*r));
	int on = 1, err = 0;

	if (!r)
		return -ENOMEM;
	r->nl = nl_socket_alloc();
	if (!r->nl)
		err = -ENOMEM;
	if (!err && nl_connect(r->nl, NETLINK_ROUTE) < 0)
		err = -errno;
	if (err) {
		rtnl_close(r);
		return err;
	}
	/* both only save work: short acknowledgements, tables filtered by the kernel */
	setsockopt(nl_socket_get_fd(r->nl), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(r->nl), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	nl_socket_set_buffer_size(r->nl, 1 << 20, 1 << 20);
	*ret = r;
	return 0;
}

void rtnl_close(struct rtnl *r)
{
	if (r)
		nl_socket_free(r->nl);
	free(r);
}

static int put_prefix(struct nl_msg *m, int attribute, const struct prefix *p)
{
	return p->len ? nla_put(m, attribute, p->family == AF_INET ? 4 : 16, p->ip) : 0;
}

static int put_route(struct nl_msg *m, const struct object *o)
{
	struct rtmsg h = {
		.rtm_family = o->family,
		.rtm_dst_len = o->to.len,
		.rtm_protocol = o->protocol,
		.rtm_scope = o->type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
		.rtm_type = o->type,
	};
	int err = nlmsg_append(m, &h, sizeof(h), NLMSG_ALIGNTO);

	err = err ? err : nla_put_u32(m, RTA_TABLE, o->table);
	err = err ? err : put_prefix(m, RTA_DST, &o->to);
	if (o->type == RTN_LOCAL)
		err = err ? err : nla_put_u32(m, RTA_OIF, if_nametoindex("lo"));
	return err;
}

static int put_range(struct nl_msg *m, int attribute, const uint16_t range[2])
{
	struct fib_rule_port_range r = { range[0], range[1] };

	return range[1] ? nla_put(m, attribute, sizeof(r), &r) : 0;
}

static int put_rule(struct nl_msg *m, const struct object *o)
{
	struct fib_rule_hdr h = {
		.family = o->family,
		.src_len = o->from.len,
		.action = o->type,
	};
	int err = nlmsg_append(m, &h, sizeof(h), NLMSG_ALIGNTO);

	err = err ? err : nla_put_u32(m, FRA_PRIORITY, o->priority);
	err = err ? err : nla_put_u8(m, FRA_PROTOCOL, o->protocol);
	err = err ? err : put_prefix(m, FRA_SRC, &o->from);
	if (o->iif[0])
		err = err ? err : nla_put_string(m, FRA_IIFNAME, o->iif);
	if (o->mask) {
		err = err ? err : nla_put_u32(m, FRA_FWMARK, o->mark);
		err = err ? err : nla_put_u32(m, FRA_FWMASK, o->mask);
	}
	if (o->ip_proto)
		err = err ? err : nla_put_u8(m, FRA_IP_PROTO, o->ip_proto);
	err = err ? err : put_range(m, FRA_SPORT_RANGE, o->sport);
	err = err ? err : put_range(m, FRA_DPORT_RANGE, o->dport);
	if (o->type == FR_ACT_TO_TBL)
		err = err ? err : nla_put_u32(m, FRA_TABLE, o->table);
	if (o->type == FR_ACT_GOTO)
		err = err ? err : nla_put_u32(m, FRA_GOTO, o->target);
	return err;
}

static int message_type(const struct object *o, bool add)
{
	if (o->kind == OBJECT_ROUTE)
		return add ? RTM_NEWROUTE : RTM_DELROUTE;
	return add ? RTM_NEWRULE : RTM_DELRULE;
}

/* Appends the message to the batch. Returns its length or -ENOMEM. */
static int make(const struct object *o, bool add, uint32_t seq, char *at)
{
	int flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	struct nl_msg *m = nlmsg_alloc_size(ROOM);
	int len = -ENOMEM;

	if (m && nlmsg_put(m, NL_AUTO_PORT, seq, message_type(o, add), 0, flags) &&
	    (o->kind == OBJECT_ROUTE ? put_route(m, o) : put_rule(m, o)) == 0) {
		len = (int)NLMSG_ALIGN(nlmsg_hdr(m)->nlmsg_len);
		memcpy(at, nlmsg_hdr(m), (size_t)len);
	}
	nlmsg_free(m);
	return len;
}

/* What the kernel answered to one message. */
static int meaning(int error, bool add)
{
	if (!add && (error == -ENOENT || error == -ESRCH || error == -ENODEV))
		return 0;
	return error;
}

struct answers {
	uint32_t first; /* sequence number of object 0 */
	size_t n, left;
	bool add;
	bool *done;
	size_t failed;
	int err;
};

static void take_answer(struct answers *a, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	size_t i = h->nlmsg_seq - a->first;
	int err;

	if (h->nlmsg_type != NLMSG_ERROR || i >= a->n)
		return;
	a->left--;
	err = meaning(e->error, a->add);
	a->done[i] = err == 0;
	if (err && (!a->err || i < a->failed)) {
		a->err = err;
		a->failed = i;
	}
}

static int take_answers(struct rtnl *r, struct answers *a)
{
	char buf[16384];

	while (a->left) {
		ssize_t n = recv(nl_socket_get_fd(r->nl), buf, sizeof(buf), 0);
		int rest = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; nlmsg_ok(h, rest);
		     h = nlmsg_next(h, &rest))
			take_answer(a, h);
	}
	return a->err;
}

static int apply_batch(struct rtnl *r, const struct object *o, size_t n, bool add, bool *done,
		       size_t *failed)
{
	struct answers a = { .first = r->seq + 1, .n = n, .left = n, .add = add, .done = done };
	char *buf = malloc(n * ROOM);
	size_t len = 0;
	int err = buf ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !err; i++) {
		int one = make(&o[i], add, ++r->seq, buf + len);

		if (one < 0)
			err = one;
		else
			len += (size_t)one;
	}
	*failed = 0;
	if (!err && send(nl_socket_get_fd(r->nl), buf, len, 0) < 0)
		err = -errno;
	if (!err) {
		err = take_answers(r, &a);
		*failed = a.failed;
	}
	free(buf);
	return err;
}

int rtnl_apply(struct rtnl *r, const struct object *o, size_t n, bool add, bool *done,
	       size_t *failed)
{
	size_t at;
	int err = 0;

	memset(done, 0, n * sizeof(*done));
	for (size_t i = 0; i < n && !err; i += BATCH) {
		err = apply_batch(r, o + i, n - i < BATCH ? n - i : BATCH, add, done + i, &at);
		*failed = i + at;
	}
	return err;
}
