/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A c-ares channel whose sockets and timeouts a loop serves. */
#ifndef IO_DNS_CHANNEL_H
#define IO_DNS_CHANNEL_H

#include <ares.h>

#include "ev/loop.h"

struct dns_channel;

/* servers: comma-separated "address[:port]", or NULL: resolv.conf's. NULL on failure. */
struct dns_channel *dns_channel_new(struct loop *l, const char *servers, uint32_t timeout_ms,
				    uint32_t mark);
/* Calls what is under way back with ARES_EDESTRUCTION. NULL is ignored. */
void dns_channel_free(struct dns_channel *c);

/* For asking; borrowed. dns_channel_sent() must follow. */
ares_channel dns_channel_ares(struct dns_channel *c);
void dns_channel_sent(struct dns_channel *c);

#endif
