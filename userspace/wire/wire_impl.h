/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the implementations of wire.h share; for wire_*.c and handshake.c only. */
#ifndef WIRE_WIRE_IMPL_H
#define WIRE_WIRE_IMPL_H

#include "wire/wire.h"

struct wire_ops {
	ssize_t (*read)(struct wire *w, uint8_t *p);
	int (*write)(struct wire *w, const struct iovec *iov, int n, size_t total,
		     enum wire_push push);
	/* NULL: write() does it */
	int (*write_in_place)(struct wire *w, struct iovec *iov, int n, size_t total,
			      enum wire_push push);
	int (*close_notify)(struct wire *w); /* NULL where there is none */
	void (*free)(struct wire *w);	     /* what the implementation owns, and w itself */
	const char *(*describe)(const struct wire *w);
};

/* Embedded in each implementation. */
struct wire {
	const struct wire_ops *ops;
	struct wire_shared *sh;
	int fd;
	enum wire_end end;
	bool more;	/* the last receive filled its buffer */
	bool fin_due;	/* shut down for writing once `out` is empty */
	bool fin_sent;	/* it is */
	uint64_t sent;	/* bytes that the socket took */
	struct buf out; /* bytes for the socket that it has not taken */
};

void wire_init(struct wire *w, const struct wire_ops *ops, struct wire_shared *sh, int fd);
/* Hands bytes to the socket: at once where nothing waits before them and `push` or their number
 * asks for it. */
int wire_send(struct wire *w, const uint8_t *p, size_t n, enum wire_push push);
int wire_send_pieces(struct wire *w, const struct iovec *iov, int n, size_t total,
		     enum wire_push push);
/* Sends a queue: 0 when all is gone, -EAGAIN when the socket is full, or another -errno. What the
 * socket took is added to *total. */
int wire_send_queue(int fd, struct buf *out, struct buf_pool *pool, uint64_t *total);
/* recv() into p; on an end sets w->end and returns 0. */
ssize_t wire_recv(struct wire *w, uint8_t *p, size_t n);

#endif
