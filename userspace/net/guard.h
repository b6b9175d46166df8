/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells when another tool may have taken rules of ours away: `nft flush ruleset` when a firewall is
 * loaded again, a network manager that deletes policy rules it does not know. Also when the machine
 * gets IPv6, for which there were no rules.
 */
#ifndef NET_GUARD_H
#define NET_GUARD_H

#include "ev/loop.h"

struct guard;

struct guard_watch {
	/* Something of the kind happened a moment ago; what, setup_mend() finds out. */
	void (*disturbed)(struct guard_watch *w);
};

/* Watches the network namespace of the calling thread. NULL and why on failure. */
struct guard *guard_start(struct loop *l, struct guard_watch *w, char *why, size_t why_len);
/* NULL is ignored. */
void guard_stop(struct guard *g);

#endif
