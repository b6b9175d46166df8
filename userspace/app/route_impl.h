/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What route.c (a snapshot's life) and route_match.c (its use) share. */
#ifndef APP_ROUTE_IMPL_H
#define APP_ROUTE_IMPL_H

#include "app/name_set.h"
#include "app/route.h"

/* A rule that chooses or rejects, with everything that its files say. */
struct route_rule {
	const struct config_rule *config;
	int index;		 /* in the configuration */
	bool to_some, from_some; /* destinations, sources: only those below */
	bool by_name;
	struct prefix_list to, from;
	struct name_set names;
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

/* Whether a rule speaks of the flows of an inbound. */
bool route_rule_is_for(const struct config_rule *rule, size_t inbound);

#endif
