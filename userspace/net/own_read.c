// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the machine's own addresses: two netlink dumps and the fixed ones.
//
// Table "local" alone would do, but for interfaces in a VRF, whose addresses are in its table.
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/prefix.h"
#include "net/own.h"
#include "net/own_impl.h"

#define TRIES 10 /* of a dump that something changed under */

struct dump {
	struct prefix_list *to;
	int err; /* the kernel's word or ours; libnl's codes are coarser */
};

static size_t ip_len(int family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

static int add(struct dump *d, int family, unsigned bits, const struct nlattr *ip)
{
	struct prefix p = { .family = (uint8_t)family, .len = (uint8_t)bits };

	if (bits > 8 * ip_len(family) || (ip && nla_len(ip) < (int)ip_len(family)))
		return -EPROTO;
	if (ip)
		memcpy(p.ip, nla_data(ip), ip_len(family));
	return prefix_list_add(d->to, &p);
}

/* IFA_ADDRESS is the peer's, where there is one. */
static int add_address(struct dump *d, struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = nlmsg_data(h);
	struct nlattr *at[IFA_MAX + 1];
	const struct nlattr *ip;

	if (nlmsg_parse(h, sizeof(*m), at, IFA_MAX, NULL) < 0)
		return -EPROTO;
	ip = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS];
	if (!ip || !ip_len(m->ifa_family))
		return 0;
	return add(d, m->ifa_family, (unsigned)(8 * ip_len(m->ifa_family)), ip);
}

static int add_route(struct dump *d, struct nlmsghdr *h)
{
	const struct rtmsg *m = nlmsg_data(h);
	struct nlattr *at[RTA_MAX + 1];

	if (nlmsg_parse(h, sizeof(*m), at, RTA_MAX, NULL) < 0)
		return -EPROTO;
	if (m->rtm_table != RT_TABLE_LOCAL || !ip_len(m->rtm_family))
		return 0;
	switch (m->rtm_type) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		return add(d, m->rtm_family, m->rtm_dst_len, at[RTA_DST]);
	default:
		return 0;
	}
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct dump *d = arg;
	int err = 0;

	if (h->nlmsg_type == RTM_NEWADDR && nlmsg_valid_hdr(h, sizeof(struct ifaddrmsg)))
		err = add_address(d, h);
	else if (h->nlmsg_type == RTM_NEWROUTE && nlmsg_valid_hdr(h, sizeof(struct rtmsg)))
		err = add_route(d, h);
	if (err && !d->err)
		d->err = err;
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct dump *d = arg;

	(void)from;
	d->err = e->error;
	return NL_STOP;
}

/* Errors in the middle of a dump come with its end. */
static int on_end(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct dump *d = arg;

	if (nlmsg_valid_hdr(h, sizeof(int)) && !d->err)
		memcpy(&d->err, nlmsg_data(h), sizeof(d->err));
	return NL_OK;
}

/* What something changed under is no error to libnl's caller but a code of its own. */
static int receive(struct nl_sock *sk, struct dump *d)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int n;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, d);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, d);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, d);
	n = nl_recvmsgs(sk, cb);
	nl_cb_put(cb);
	if (d->err)
		return d->err;
	return n == -NLE_DUMP_INTR ? -EAGAIN : n < 0 ? -EIO : 0;
}

static int dump(struct nl_sock *sk, struct prefix_list *to, int type, void *head, size_t len)
{
	size_t before = to->n;
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && err == -EAGAIN; i++) {
		struct dump d = { .to = to };

		to->n = before;
		err = nl_send_simple(sk, type, NLM_F_DUMP, head, len) < 0 ? -EIO : receive(sk, &d);
	}
	return err;
}

/* Strict checking is what has the kernel look at rtm_table: a router may have a million routes in
 * other tables. A table that nothing is in yet may not be there. */
static int dump_routes(struct nl_sock *sk, struct prefix_list *to, uint8_t family)
{
	struct rtmsg head = { .rtm_family = family, .rtm_table = RT_TABLE_LOCAL };
	int err = dump(sk, to, RTM_GETROUTE, &head, sizeof(head));

	return err == -ENOENT ? 0 : err;
}

int own_connect(struct nl_sock *sk)
{
	errno = 0;
	if (nl_connect(sk, NETLINK_ROUTE) >= 0)
		return 0;
	return errno ? -errno : -EIO;
}

static int dump_all(struct nl_sock *sk, struct prefix_list *to)
{
	struct ifaddrmsg all = { .ifa_family = AF_UNSPEC };
	int strict = 1, err = own_connect(sk);

	if (!err && setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict,
			       sizeof(strict)) < 0)
		err = -errno;
	if (!err)
		err = dump(sk, to, RTM_GETADDR, &all, sizeof(all));
	if (!err)
		err = dump_routes(sk, to, AF_INET);
	return err ? err : dump_routes(sk, to, AF_INET6);
}

static int add_fixed(struct prefix_list *to)
{
	static const struct prefix fixed[] = {
		{ AF_INET, 32, { 0 } },	   { AF_INET, 32, { 255, 255, 255, 255 } },
		{ AF_INET, 4, { 224 } },   { AF_INET6, 128, { 0 } },
		{ AF_INET6, 8, { 0xff } },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed) && !err; i++)
		err = prefix_list_add(to, &fixed[i]);
	return err;
}

int own_read(struct prefix_list *ret)
{
	struct nl_sock *sk = nl_socket_alloc();
	struct prefix_list own = { 0 };
	int err = sk ? add_fixed(&own) : -ENOMEM;

	if (!err)
		err = dump_all(sk, &own);
	nl_socket_free(sk);
	if (err) {
		prefix_list_done(&own);
		return err;
	}
	prefix_list_normal(&own);
	*ret = own;
	return 0;
}
