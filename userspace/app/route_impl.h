/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What route.c (a snapshot's life) and route_match.c (its use) share. */
#ifndef APP_ROUTE_IMPL_H
#define APP_ROUTE_IMPL_H

#include "app/name_set.h"
#include "app/route.h"
#include "base/be.h"

/* What a rule's files and inline lists say together; asked only where a first look fits. */
struct route_lists {
	struct prefix_list to, from;
	struct name_set names;
};

/* Keys from first to first + span; see route_key_of(). */
struct route_span {
	uint64_t first, span;
};

/*
 * A rule that chooses or rejects. Most rules do not fit a flow, and are to be told apart by this
 * alone, without what it points to: there may be a thousand of them.
 */
struct route_rule {
	struct route_span to, from; /* around all addresses, where there are any */
	uint64_t name_bits;	    /* as struct name has them; 0: no names */
	const struct config_rule *config;
	struct route_lists *lists;
	uint16_t port_first, port_last;	       /* around all ports */
	int16_t index;			       /* in the configuration */
	uint8_t network;		       /* 0: both */
	bool to_some : 1, from_some : 1;       /* it has such conditions */
	bool to_addresses : 1, from_known : 1; /* addresses are among them; it asks for a source */
};

struct route {
	_Atomic uint32_t refs;
	size_t final_outbound;
	struct route_rule *rules;
	size_t n_rules;
	bool *wants_domain; /* by inbound */
	size_t n_inbounds;
	bool by_name, by_source, rejects; /* any of them */
};

/* A number by which addresses are in order within their family; n is 4 or 16. */
static inline uint64_t route_key_of(const uint8_t *ip, size_t n)
{
	return n == 4 ? get_be32(ip) : get_be64(ip);
}

/* Whether a rule speaks of the flows of an inbound. */
bool route_rule_is_for(const struct config_rule *rule, size_t inbound);

#endif
