/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: a network namespace in which all of two test networks is led to local sockets. */
#ifndef TESTS_UNIT_CAPTURED_BED_H
#define TESTS_UNIT_CAPTURED_BED_H

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/route.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/sockaddr.h"

#define CAPTURED_NET4 "198.51.100.0/24"
#define CAPTURED_NET6 "2001:db8::/32"

static inline bool captured_lo_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;

	close(fd);
	return up;
}

/* `local NET dev lo`, in the table that is asked first. */
static inline bool captured_route(struct nl_sock *nl, int family, const char *net)
{
	struct rtnl_route *r = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *to = NULL;
	bool added;

	rtnl_route_nh_set_ifindex(hop, 1);
	rtnl_route_add_nexthop(r, hop);
	rtnl_route_set_table(r, RT_TABLE_LOCAL);
	rtnl_route_set_type(r, RTN_LOCAL);
	rtnl_route_set_scope(r, RT_SCOPE_HOST);
	added = nl_addr_parse(net, family, &to) == 0 && rtnl_route_set_dst(r, to) == 0 &&
		rtnl_route_add(nl, r, NLM_F_CREATE) == 0;
	nl_addr_put(to);
	rtnl_route_put(r);
	return added;
}

/* Enters it for good, once. False where that cannot be had; why is printed. */
static inline bool captured_entered(void)
{
	static enum { NOT_TRIED, INSIDE, REFUSED } state;
	struct nl_sock *nl;

	if (state != NOT_TRIED)
		return state == INSIDE;
	nl = nl_socket_alloc();
	state = REFUSED;
	if (unshare(CLONE_NEWNET) < 0)
		print_message("no network namespace: %s\n", strerror(errno));
	else if (!captured_lo_up() || nl_connect(nl, NETLINK_ROUTE) < 0 ||
		 !captured_route(nl, AF_INET, CAPTURED_NET4) ||
		 !captured_route(nl, AF_INET6, CAPTURED_NET6))
		print_message("no local routes in a network namespace\n");
	else
		state = INSIDE;
	nl_socket_free(nl);
	return state == INSIDE;
}

/* For a test: skips it where it cannot be entered. */
static inline void captured_enter(void)
{
	if (!captured_entered())
		skip();
}

static inline void captured_skip(void **state)
{
	(void)state;
	skip();
}

/* For main(): the same for all of these, before what sets them up. */
static inline void captured_enter_all(struct CMUnitTest *tests, size_t n)
{
	if (captured_entered())
		return;
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ .name = tests[i].name, .test_func = captured_skip };
}

static inline union sockaddr_any captured_addr(const char *ip, uint16_t port)
{
	union sockaddr_any a;
	uint8_t raw[16];
	bool v6 = inet_pton(AF_INET6, ip, raw) == 1;

	assert_true(v6 || inet_pton(AF_INET, ip, raw) == 1);
	sockaddr_set(&a, raw, v6 ? 16 : 4, port);
	return a;
}

static inline uint16_t captured_port_of(int fd)
{
	union sockaddr_any a = { 0 };
	socklen_t len = sizeof(a);

	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	return sockaddr_port(&a);
}

/* A blocking socket, connected. */
static inline int captured_connect(int type, const char *ip, uint16_t port)
{
	union sockaddr_any a = captured_addr(ip, port);
	int fd = socket(a.sa.sa_family, type | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, &a.sa, sockaddr_len(&a)), 0);
	return fd;
}

static inline void captured_expect(const union sockaddr_any *got, const char *ip, uint16_t port)
{
	union sockaddr_any want = captured_addr(ip, port);
	char a[SOCKADDR_TEXT_MAX], b[SOCKADDR_TEXT_MAX];

	assert_string_equal(sockaddr_text(got, a), sockaddr_text(&want, b));
	assert_int_equal(got->sa.sa_family, want.sa.sa_family);
}

#endif
