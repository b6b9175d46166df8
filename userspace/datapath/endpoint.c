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
	sh->pipe = (struct relay_pipe){ 0 };
	sh->read = malloc(RELAY_READ_ROOM);
	return sh->read ? 0 : -ENOMEM;
}

void relay_lay_out(struct relay_shared *sh, struct iovec iov[static RELAY_PIECES])
{
	uint8_t *p = sh->read;

	for (int i = 0; i < RELAY_PIECES; i++) {
		size_t header = i % ENDPOINT_GROUP == 0 ? ENDPOINT_HEADROOM : 0;

		p += WIRE_ROOM_BEFORE;
		iov[i] = (struct iovec){ p + header, WIRE_PIECE_MAX - header };
		p += WIRE_PIECE_MAX + WIRE_ROOM_AFTER;
	}
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
		from->peer->ops->write(from->peer, iov, n, ENDPOINT_TIGHT);
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
