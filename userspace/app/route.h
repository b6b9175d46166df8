/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules that choose a flow's outbound, with the prefix lists of files, as of some moment. */
#ifndef APP_ROUTE_H
#define APP_ROUTE_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/config.h"

/*
 * An immutable snapshot. The control thread makes another one when a file changes; workers hold a
 * reference and take the newest one at each flow (route_slot_get()).
 */
struct route;

/* What a flow is judged by. */
struct route_key {
	uint32_t inbound;	       /* index */
	uint8_t network;	       /* IPPROTO_TCP or IPPROTO_UDP */
	const char *user;	       /* "" where there is none */
	const struct addr *dst;	       /* its port counts in each form */
	const char *domain;	       /* sniffed, for a dst without a name; NULL: none */
	const union sockaddr_any *src; /* NULL or sa_family 0: unknown, which no source matches */
};

/* Where a flow goes: `outbound` where the action is RULE_ROUTE. `rule` is its index, or -1: final.
 */
struct route_verdict {
	enum rule_action action; /* RULE_ROUTE or RULE_REJECT */
	size_t outbound;
	int rule;
};

/* Reads the files. NULL and why where one cannot be read. */
struct route *route_new(const struct config *c, char *why, size_t why_len);
struct route *route_ref(struct route *r);
void route_unref(struct route *r); /* NULL is ignored; any thread */

/* First match wins; no match: route.final. RULE_BYPASS rules do not count. Names are compared
 * without case and without a dot at their end; a name is never looked up for a prefix. */
struct route_verdict route_match(const struct route *r, const struct route_key *k);

/* Whether there is a rule that rejects: else nothing need be asked for more than its outbound. */
bool route_rejects(const struct route *r);

/* Whether a rule looks at domains of this inbound's flows: else nothing need be sniffed. */
bool route_wants_domain(const struct route *r, uint32_t inbound);

/* Where the newest is kept: the control thread sets, workers get. Zero-initialised but for its lock
 * it has none. */
struct route_slot {
	pthread_mutex_t lock;
	struct route *newest;
	_Atomic uint32_t version; /* another one for each newest */
};
void route_slot_set(struct route_slot *s, struct route *r); /* takes over the reference */
/* Brings the worker's own reference *held up to date, cheaply where it is so already. Both begin
 * zero. */
void route_slot_get(struct route_slot *s, struct route **held, uint32_t *version);

/*
 * The files of the configuration: rules' and inbounds' lists. Control thread only. Looks at their
 * times and sizes; true once after one changed (or could not be looked at any more).
 */
struct route_files;
struct route_files *route_files_new(const struct config *c);
void route_files_free(struct route_files *f);
bool route_files_changed(struct route_files *f);

/* The plan's bypass list of a transparent inbound, files and "bypass" rules included; normal, the
 * caller's. 0, or -errno and why. */
int route_bypass(const struct config *c, const struct config_inbound *in, struct prefix_list *ret,
		 char *why, size_t why_len);

#endif
