/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A byte queue made of chunks that come from, and go back to, a pool. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define BUF_CHUNK_LEN 16384

struct buf_chunk;

/* Free chunks of one worker thread. Zero-initialised is an empty pool. */
struct buf_pool {
	struct buf_chunk *free;
	unsigned n_free;
	size_t bytes_out; /* bytes of chunks now in queues: what a worker's limit is held against */
};

/* Releases the spare chunks that the pool keeps beyond `keep`. */
void buf_pool_trim(struct buf_pool *pool, unsigned keep);

/* A queue. Zero-initialised, or after buf_done(), it is empty and owns nothing. */
struct buf {
	struct buf_chunk *head, *tail;
	size_t len; /* bytes queued */
};

/* Appends n bytes, all or nothing: 0, or -ENOMEM. */
int buf_append(struct buf *b, struct buf_pool *pool, const void *p, size_t n);

/* Fills iov with up to max pieces of the front of the queue; returns how many. They stay valid
 * until the next call that changes the queue. */
int buf_peek(const struct buf *b, struct iovec *iov, int max);

/* Drops the first n bytes (n <= b->len) and gives emptied chunks back. */
void buf_consume(struct buf *b, struct buf_pool *pool, size_t n);

/* Gives everything back; the queue is empty again. */
void buf_done(struct buf *b, struct buf_pool *pool);

#endif
