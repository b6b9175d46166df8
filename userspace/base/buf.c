// SPDX-License-Identifier: GPL-2.0-or-later
// The chunked byte queue and its pool.
#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POOL_KEEP 64

struct buf_chunk {
	struct buf_chunk *next;
	uint32_t start, end; /* the bytes in use */
	uint8_t data[BUF_CHUNK_LEN];
};

static struct buf_chunk *chunk_get(struct buf_pool *pool)
{
	struct buf_chunk *c = pool->free;

	if (c) {
		pool->free = c->next;
		pool->n_free--;
	} else {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
	}
	c->next = NULL;
	c->start = c->end = 0;
	pool->bytes_out += BUF_CHUNK_LEN;
	return c;
}

static void chunk_put(struct buf_pool *pool, struct buf_chunk *c)
{
	pool->bytes_out -= BUF_CHUNK_LEN;
	if (pool->n_free >= POOL_KEEP) {
		free(c);
		return;
	}
	c->next = pool->free;
	pool->free = c;
	pool->n_free++;
}

void buf_pool_trim(struct buf_pool *pool, unsigned keep)
{
	while (pool->n_free > keep) {
		struct buf_chunk *c = pool->free;

		pool->free = c->next;
		pool->n_free--;
		free(c);
	}
}

/* Adds empty chunks until n more bytes fit; undoes itself on failure. */
static int reserve(struct buf *b, struct buf_pool *pool, size_t n)
{
	struct buf_chunk *old_tail = b->tail;
	size_t room = old_tail ? BUF_CHUNK_LEN - old_tail->end : 0;

	while (room < n) {
		struct buf_chunk *c = chunk_get(pool);

		if (!c)
			goto undo;
		if (b->tail)
			b->tail->next = c;
		else
			b->head = c;
		b->tail = c;
		room += BUF_CHUNK_LEN;
	}
	return 0;
undo:
	for (struct buf_chunk *c = old_tail ? old_tail->next : b->head, *next; c; c = next) {
		next = c->next;
		chunk_put(pool, c);
	}
	b->tail = old_tail;
	if (old_tail)
		old_tail->next = NULL;
	else
		b->head = NULL;
	return -ENOMEM;
}

int buf_append(struct buf *b, struct buf_pool *pool, const void *p, size_t n)
{
	struct buf_chunk *c = b->tail;
	const uint8_t *from = p;

	if (reserve(b, pool, n) < 0)
		return -ENOMEM;
	b->len += n;
	if (!c)
		c = b->head;
	for (; n > 0; c = c->next) {
		size_t take = BUF_CHUNK_LEN - c->end < n ? BUF_CHUNK_LEN - c->end : n;

		memcpy(c->data + c->end, from, take);
		c->end += (uint32_t)take;
		from += take;
		n -= take;
	}
	return 0;
}

int buf_peek(const struct buf *b, struct iovec *iov, int max)
{
	int n = 0;

	for (struct buf_chunk *c = b->head; c && n < max; c = c->next, n++)
		iov[n] = (struct iovec){ c->data + c->start, c->end - c->start };
	return n;
}

void buf_consume(struct buf *b, struct buf_pool *pool, size_t n)
{
	b->len -= n;
	while (b->head) {
		struct buf_chunk *c = b->head;
		size_t have = c->end - c->start;

		if (n < have) {
			c->start += (uint32_t)n;
			return;
		}
		n -= have;
		b->head = c->next;
		chunk_put(pool, c);
	}
	b->tail = NULL;
}

void buf_done(struct buf *b, struct buf_pool *pool)
{
	buf_consume(b, pool, b->len);
}
