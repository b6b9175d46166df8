/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nft rules of others, as JSON: what is in a plan's way, and what stops what it captures. */
#ifndef NET_SETUP_RULESET_H
#define NET_SETUP_RULESET_H

#include <jansson.h>

#include "net/setup_impl.h"

/* The string at a key; "" where there is none. */
const char *ruleset_text(const json_t *o, const char *key);
/* The chain of that name; NULL where there is none. */
const json_t *ruleset_chain(const json_t *ruleset, const char *family, const char *table,
			    const char *name);
/* Whether what an interface is compared with may be the plan's: a name, a list, a set that we do
 * not see. */
bool ruleset_names(const struct plan *p, const json_t *right);
/* Input chains that drop captured packets: a warning each. */
void setup_firewall(const struct setup *s, const struct plan *p, const json_t *ruleset);

#endif
