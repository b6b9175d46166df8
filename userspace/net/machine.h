/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the network namespace of the calling thread is set to. */
#ifndef NET_MACHINE_H
#define NET_MACHINE_H

#include <stdbool.h>

/* Routes through lo can be IPv6 ones. */
bool machine_has_ipv6(void);
/* Whether packets have been tracked here before this set-up: by the hook list of netfilter, or,
 * where the kernel has none, by what conntrack counts and what the nft tables say. */
bool machine_has_conntrack(void);
/* The same without what conntrack counts: entries outlast the rules that made them. */
bool machine_tracks(void);
/* A number in a file below /proc/sys/net, "ipv4/ip_forward"; -1 where there is none. */
int machine_setting(const char *file);

#endif
