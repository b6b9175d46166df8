/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transparent inbound: what its parts (TCP, UDP, DNS) need of each other. */
#ifndef APP_TRANSPARENT_H
#define APP_TRANSPARENT_H

#include "app/flow.h"
#include "app/inbound.h"

struct transparent_udp;

struct transparent {
	struct inbound in;
	struct list conns;	     /* struct transparent_conn */
	struct transparent_udp *udp; /* NULL: no UDP here */
	struct log_limit refused;
};

/*
 * Captured datagrams of one worker. Takes over `fd`, bound with IP_TRANSPARENT and asked for
 * original destinations. NULL without memory.
 */
struct transparent_udp *transparent_udp_new(struct transparent *t, int fd);
/* No new flows; those that are stay. */
void transparent_udp_drain(struct transparent_udp *u);
/* NULL is ignored. */
void transparent_udp_free(struct transparent_udp *u);

/* Whether a captured flow must not be carried on: its destination is this listener itself, or
 * where the tunnel itself goes. One line in why. */
bool transparent_loops(const struct transparent *t, const union sockaddr_any *src,
		       const struct addr *dst, const char **why);

#endif
