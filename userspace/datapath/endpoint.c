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

void endpoint_pour(struct endpoint *from, struct buf *b, struct buf_pool *pool)
{
	struct iovec iov[ENDPOINT_PIECES];

	while (b->len > 0 && from->peer) {
		int n = buf_peek(b, iov, ENDPOINT_PIECES);
		size_t total = 0;

		for (int i = 0; i < n; i++)
			total += iov[i].iov_len;
		from->peer->ops->write(from->peer, iov, n, false);
		if (b->len >= total) /* else the write ended `from`, and b with it */
			buf_consume(b, pool, total);
	}
}

void endpoint_unjoin(struct endpoint *e)
{
	if (!e || !e->peer)
		return;
	e->peer->peer = NULL;
	e->peer = NULL;
}
