/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Authentication failures per source address (IPv6: per /64), so that guessing costs the guesser
 * only. Any thread. */
#ifndef APP_SOURCE_LIMIT_H
#define APP_SOURCE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "io/sockaddr.h"

struct source_limit;

/* Up to `per_minute` failures within a minute are borne; 0: no limit. NULL without memory. */
struct source_limit *source_limit_new(uint32_t per_minute);
void source_limit_free(struct source_limit *sl);
/* Counts a failure; returns how many there were within this minute. */
uint32_t source_limit_failed(struct source_limit *sl, const union sockaddr_any *from);
/* Whether the source is over its limit for the rest of its minute. */
bool source_limit_blocked(struct source_limit *sl, const union sockaddr_any *from);

#endif
