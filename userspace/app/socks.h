/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socks inbound: what its parts need of each other. */
#ifndef APP_SOCKS_H
#define APP_SOCKS_H

#include "app/flow.h"
#include "app/inbound.h"
#include "proto/socks5.h"

struct socks {
	struct inbound in;
	struct list conns; /* struct socks_conn */
	struct log_limit refused;
};

/* Starts a UDP association for the client behind a control connection; NULL without place. */
struct socks_udp;
struct socks_udp *socks_udp_new(struct socks *s, int control_fd, const char *user, const char *tag,
				void (*over)(void *owner), void *owner);
/* The address that the client shall send to. */
void socks_udp_bound(const struct socks_udp *u, struct addr *ret);
/* NULL is ignored; over() does not come any more. */
void socks_udp_free(struct socks_udp *u);

#endif
