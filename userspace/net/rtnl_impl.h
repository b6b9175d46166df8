/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket that making and reading share. */
#ifndef NET_RTNL_IMPL_H
#define NET_RTNL_IMPL_H

#include <linux/rtnetlink.h>

#include <netlink/socket.h>

struct rtnl {
	struct nl_sock *nl;
	uint32_t seq;
};

#endif
