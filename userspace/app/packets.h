/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One side of a UDP association; two are joined, as endpoints are, and datagrams may be dropped. */
#ifndef APP_PACKETS_H
#define APP_PACKETS_H

#include <stddef.h>

#include "proto/addr.h"

struct packets;

struct packets_ops {
	/* A datagram towards the destination `a` (on a far side) or from the source `a` (on a near
	 * side). What cannot go on now is dropped and counted. */
	void (*send)(struct packets *p, const struct addr *a, const uint8_t *data, size_t n);
	/* The other side is gone: close and free, deferred. Unjoined already. */
	void (*close)(struct packets *p);
};

struct packets {
	const struct packets_ops *ops;
	struct packets *peer;
};

static inline void packets_join(struct packets *a, struct packets *b)
{
	a->peer = b;
	b->peer = a;
}

/* Unjoins and closes the peer, if there is one. */
static inline void packets_close_peer(struct packets *p)
{
	struct packets *peer = p->peer;

	if (!peer)
		return;
	peer->peer = NULL;
	p->peer = NULL;
	peer->ops->close(peer);
}

#endif
