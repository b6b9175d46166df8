// SPDX-License-Identifier: GPL-2.0-or-later
// Joining endpoints, and the read buffer they share.
#include "datapath/endpoint.h"

#include <errno.h>
#include <stdlib.h>

int relay_shared_init(struct relay_shared *sh, struct loop *l, struct buf_pool *pool,
		      _Atomic uint32_t *busy)
{
	sh->loop = l;
	sh->pool = pool;
	list_init(&sh->all);
	sh->busy = busy;
	sh->slots = malloc(RELAY_SLOTS * (ENDPOINT_HEADROOM + ENDPOINT_PIECE_MAX));
	return sh->slots ? 0 : -ENOMEM;
}

void endpoint_join(struct endpoint *a, struct endpoint *b)
{
	a->peer = b;
	b->peer = a;
	a->ops->resume(a);
	b->ops->resume(b);
}

void endpoint_unjoin(struct endpoint *e)
{
	if (!e || !e->peer)
		return;
	e->peer->peer = NULL;
	e->peer = NULL;
}
