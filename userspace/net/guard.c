// SPDX-License-Identifier: GPL-2.0-or-later
// Watches for deletions of rules, routes and nft tables by netlink; a burst of them is told once.
#include "net/guard.h"

#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "net/plan.h"

/* Long enough for a firewall that is flushed and loaded in two steps. */
#define CALM_MS	     200
#define MESSAGE_ROOM 32768
#define GROUP(n)     (1U << ((n)-1))
#define LO	     1 /* its index in every network namespace */

struct channel {
	struct watcher watcher;
	struct guard *guard;
	bool (*matters)(const struct nlmsghdr *h);
};

struct guard {
	struct loop *loop;
	struct guard_watch *to;
	struct channel route, nft;
	struct timer calm;
	struct deferred deferred;
};

/* The kernel passes what the filter below does. */
static bool route_matters(const struct nlmsghdr *h)
{
	(void)h;
	return true;
}

/* Several come in one message, so that a filter would see the first one only. */
static bool nft_matters(const struct nlmsghdr *h)
{
	return h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE);
}

/* Rules that go, routes of ours that go, an IPv6 address of lo, and lo itself, which takes IPv4
 * routes with it when it goes down, of which nobody tells: a router has many others. */
static int filter_routes(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htobe16(RTM_DELRULE), 7, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htobe16(RTM_DELROUTE), 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_protocol)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PLAN_PROTOCOL, 4, 5),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htobe16(RTM_NEWADDR), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htobe16(RTM_NEWLINK), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct ifaddrmsg, ifa_index)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htobe32(LO), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	_Static_assert(
		offsetof(struct ifaddrmsg, ifa_index) == offsetof(struct ifinfomsg, ifi_index), "");
	struct sock_fprog program = { .len = sizeof(code) / sizeof(*code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

static void tell(struct timer *t)
{
	struct guard *g = container_of(t, struct guard, calm);

	g->to->disturbed(g->to);
}

static bool any_matters(const struct channel *c, const void *messages, size_t len)
{
	for (const struct nlmsghdr *h = messages; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len))
		if (c->matters(h))
			return true;
	return false;
}

/* What was lost, or is too long, may be anything. */
static bool drain(const struct channel *c)
{
	_Alignas(struct nlmsghdr) char room[MESSAGE_ROOM];
	bool found = false;

	for (;;) {
		ssize_t n = recv(c->watcher.fd, room, sizeof(room), MSG_DONTWAIT | MSG_TRUNC);

		if (n >= 0 && n <= (ssize_t)sizeof(room))
			found = any_matters(c, room, (size_t)n) || found;
		else if (n >= 0 || errno == ENOBUFS)
			found = true;
		else if (errno != EINTR)
			return found;
	}
}

static void ready(struct watcher *w, uint32_t events)
{
	struct channel *c = container_of(w, struct channel, watcher);

	(void)events;
	if (drain(c) && !c->guard->calm.slot)
		loop_arm(c->guard->loop, &c->guard->calm, CALM_MS, tell);
}

static int subscribe(struct channel *c, int protocol, uint32_t groups)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int err = 0;

	c->watcher = (struct watcher){
		.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol),
		.ready = ready,
	};
	if (c->watcher.fd < 0)
		return -errno;
	if (protocol == NETLINK_ROUTE)
		err = filter_routes(c->watcher.fd);
	if (!err && bind(c->watcher.fd, (struct sockaddr *)&me, sizeof(me)) < 0)
		err = -errno;
	return err ? err : loop_watch(c->guard->loop, &c->watcher, EPOLLIN);
}

static int start(struct guard *g)
{
	static const uint32_t routes = GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_RULE) |
				       GROUP(RTNLGRP_IPV6_RULE) | GROUP(RTNLGRP_IPV4_ROUTE) |
				       GROUP(RTNLGRP_IPV6_ROUTE) | GROUP(RTNLGRP_IPV6_IFADDR);
	int err;

	g->route = (struct channel){ { .fd = -1 }, g, route_matters };
	g->nft = (struct channel){ { .fd = -1 }, g, nft_matters };
	err = subscribe(&g->route, NETLINK_ROUTE, routes);
	if (err)
		return err;
	err = subscribe(&g->nft, NETLINK_NETFILTER, GROUP(NFNLGRP_NFTABLES));
	/* a kernel without nft has no rules there */
	return err == -EPROTONOSUPPORT ? 0 : err;
}

static void release(struct deferred *d)
{
	struct guard *g = container_of(d, struct guard, deferred);

	fd_close(g->route.watcher.fd);
	fd_close(g->nft.watcher.fd);
	free(g);
}

struct guard *guard_start(struct loop *l, struct guard_watch *w, char *why, size_t why_len)
{
	struct guard *g = calloc(1, sizeof(*g));
	int err = -ENOMEM;

	if (g) {
		g->loop = l;
		g->to = w;
		err = start(g);
	}
	if (!err)
		return g;
	snprintf(why, why_len, "watch the rules: %s", strerror(-err));
	guard_stop(g);
	return NULL;
}

static void forget(struct guard *g, struct channel *c)
{
	if (c->watcher.fd >= 0)
		loop_forget(g->loop, &c->watcher);
}

void guard_stop(struct guard *g)
{
	if (!g)
		return;
	forget(g, &g->route);
	forget(g, &g->nft);
	loop_disarm(g->loop, &g->calm);
	loop_defer(g->loop, &g->deferred, release);
}
