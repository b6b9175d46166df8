/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which sessions' records the kernel gets: what was asked for, what it can do, and the switch. */
#ifndef APP_KERNEL_OFFER_H
#define APP_KERNEL_OFFER_H

#include "app/link.h"
#include "app/worker.h"

/*
 * Where a configuration requires what this kernel cannot do. 0, or -EOPNOTSUPP with a reason; to be
 * asked once the probe has run.
 */
int kernel_offer_check(const struct program *p, char *why, size_t why_len);

/* Hands a session's wire over as far as its "tls" object asks for it. Before link_start(). */
void kernel_offer(struct link *l, struct worker *w, struct wire *wire,
		  const struct config_tls *tls);

/*
 * Follows what becomes of it, for those who look. Returns why the session cannot go on, as the
 * kernel refuses what is required of it; or NULL.
 */
const char *kernel_offer_follow(struct link *l);

#endif
