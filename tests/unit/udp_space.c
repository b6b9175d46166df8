// SPDX-License-Identifier: GPL-2.0-or-later
// A network namespace whose loopback takes every address.
#include <errno.h>
#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "udp_bed.h"

#define TABLE 100

/* As narrow as Ethernet: what is larger comes in fragments. */
static int raise_loopback(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	struct ifreq mtu = { .ifr_name = "lo", .ifr_mtu = 1500 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = ioctl(fd, SIOCSIFMTU, &mtu) < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &up);

	close(fd);
	return rc;
}

static int add_address(struct nl_sock *s, const char *text)
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *local;
	int err = nl_addr_parse(text, AF_UNSPEC, &local);

	if (err < 0)
		return err;
	rtnl_addr_set_ifindex(a, 1);
	rtnl_addr_set_local(a, local);
	rtnl_addr_set_flags(a, IFA_F_NODAD);
	err = rtnl_addr_add(s, a, NLM_F_CREATE);
	nl_addr_put(local);
	rtnl_addr_put(a);
	return err;
}

/* Everything is local to this namespace, by another table than that of its own addresses. */
static int add_route(struct nl_sock *s, uint8_t family, const char *any)
{
	struct rtnl_route *r = rtnl_route_alloc();
	struct rtnl_nexthop *via = rtnl_route_nh_alloc();
	struct nl_addr *dst;
	int err = nl_addr_parse(any, family, &dst);

	if (err < 0)
		return err;
	rtnl_route_set_family(r, family);
	rtnl_route_set_table(r, TABLE);
	rtnl_route_set_type(r, RTN_LOCAL);
	rtnl_route_set_scope(r, RT_SCOPE_HOST);
	rtnl_route_set_dst(r, dst);
	rtnl_route_nh_set_ifindex(via, 1);
	rtnl_route_add_nexthop(r, via);
	err = rtnl_route_add(s, r, NLM_F_CREATE);
	nl_addr_put(dst);
	rtnl_route_put(r);
	return err;
}

static int add_rule(struct nl_sock *s, int family)
{
	struct rtnl_rule *r = rtnl_rule_alloc();
	int err;

	rtnl_rule_set_family(r, family);
	rtnl_rule_set_table(r, TABLE);
	rtnl_rule_set_prio(r, TABLE);
	rtnl_rule_set_action(r, FR_ACT_TO_TBL);
	err = rtnl_rule_add(s, r, NLM_F_CREATE);
	rtnl_rule_put(r);
	return err;
}

static int add_all(struct nl_sock *s)
{
	int err = nl_connect(s, NETLINK_ROUTE);

	if (err == 0)
		err = add_address(s, UDP_BED_CLIENT4 "/32");
	if (err == 0)
		err = add_address(s, UDP_BED_CLIENT6 "/128");
	if (err == 0)
		err = add_route(s, AF_INET, "0.0.0.0/0");
	if (err == 0)
		err = add_route(s, AF_INET6, "::/0");
	if (err == 0)
		err = add_rule(s, AF_INET);
	return err == 0 ? add_rule(s, AF_INET6) : err;
}

bool udp_bed_namespace(void)
{
	struct nl_sock *s;
	int err;

	if (unshare(CLONE_NEWNET) < 0 || raise_loopback() < 0) {
		printf("no network namespace: %s\n", strerror(errno));
		return false;
	}
	s = nl_socket_alloc();
	err = add_all(s);
	nl_socket_free(s);
	if (err < 0)
		printf("no routes in the network namespace: %s\n", nl_geterror(err));
	return err == 0;
}

static void network_namespace__cannot_be_had__skipped(void **state)
{
	(void)state;
	skip();
}

int udp_bed_skip(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(network_namespace__cannot_be_had__skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
