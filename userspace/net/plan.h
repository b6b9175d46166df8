/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine is to be told for one transparent inbound: which traffic to capture, and how. */
#ifndef NET_PLAN_H
#define NET_PLAN_H

#include <net/if.h>

#include "base/prefix.h"

enum steering {
	STEERING_SK_LOOKUP, /* policy rules, a local route, a BPF program (kernel notes A4) */
	STEERING_TPROXY,    /* nft tproxy (A2) */
	STEERING_REDIRECT,  /* nft redirect (A1); TCP only */
};

/* Whether replies of LAN servers, and flows older than the set-up, are let through by conntrack. */
enum spare_replies { SPARE_AUTO /* where conntrack is in use already */, SPARE_NO, SPARE_YES };

struct port_range {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, or 0: both */
	uint16_t first, last;
};

/* Let through by where it comes from: servers in the LAN that outside peers reach. */
struct bypass_source {
	struct prefix from;
	struct port_range ports; /* source ports; 0-65535: all */
};

#define PLAN_NAME_MAX	48   /* with its NUL; letters, digits, '-' and '_' */
#define PLAN_PROTOCOL	0xE7 /* of our routes and rules (rtm_protocol, FRA_PROTOCOL) */
#define PLAN_PRIORITIES 8    /* rules take priority .. priority + PLAN_PRIORITIES - 1 */

/* Owned as plan_done() frees it. Lists are normal (base/prefix.h). */
struct plan {
	char name[PLAN_NAME_MAX]; /* of the nft table and the journal; one a network namespace */
	enum steering steering;
	bool tcp, udp;			 /* redirect: tcp only */
	bool local;			 /* also what this machine itself sends */
	char (*interfaces)[IF_NAMESIZE]; /* that it comes in by; they need not exist yet */
	size_t n_interfaces;
	struct prefix_list sources;	 /* only from these; empty: from anywhere */
	struct prefix_list bypass;	 /* destinations that are never captured */
	struct port_range *bypass_ports; /* destination ports, likewise */
	size_t n_bypass_ports;
	struct bypass_source *bypass_sources;
	size_t n_bypass_sources;
	enum spare_replies spare_replies;
	uint16_t port;	       /* of the listener, on all addresses: tproxy and redirect */
	uint32_t own_mark;     /* one bit: traffic that has it is never captured */
	uint32_t capture_mark; /* another one, of packets and, where it is used, of conntrack */
	uint32_t table, priority;
};

void plan_done(struct plan *p);

#endif
