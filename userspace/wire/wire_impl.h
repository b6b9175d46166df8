/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the implementations of wire.h share; for wire_*.c and handshake.c only. */
#ifndef WIRE_WIRE_IMPL_H
#define WIRE_WIRE_IMPL_H

#include "wire/wire.h"

#define WIRE_AT_ONCE 16384 /* so many bytes are worth a system call of their own */

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
	/* NULL where both are what `place` says */
	void (*places)(const struct wire *w, enum wire_place *ret_tx, enum wire_place *ret_rx);
	enum wire_place place;
	/* NULL: the queue is bytes as the socket wants them; as wire_send_queue() */
	int (*send_queue)(struct wire *w);
	/* Bytes that are with neither us nor TCP; NULL: there are none */
	size_t (*held)(const struct wire *w);
	/* where `place` is WIRE_PLAIN or WIRE_KERNEL */
	ssize_t (*splice_in)(struct wire *w, int pipe, unsigned slots, size_t max);
	int (*splice_out)(struct wire *w, const void *hdr, size_t n_hdr, int pipe, size_t n);
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
/* Queues all but the first `skip` bytes. 0 or -ENOMEM. */
int wire_queue(struct wire *w, const struct iovec *iov, int n, size_t skip);
/* Throws away the n bytes at the head of a pipe that many share: whoever uses it next would take
 * them for its own. Returns err. */
ssize_t wire_splice_lose(int pipe, size_t n, ssize_t err);
/* Sends hdr and then n bytes of the pipe, as far as the socket takes them. Bytes, or -errno and the
 * pipe has lost the n bytes. */
ssize_t wire_splice_some(int fd, const void *hdr, size_t n_hdr, int pipe, size_t n);
/* What wire_splice_some() left: the rest of hdr, and that of the pipe, which is in scratch memory
 * now. Pieces (2 at most), or -errno. */
int wire_splice_rest(struct wire *w, const void *hdr, size_t n_hdr, int pipe, size_t n, size_t sent,
		     struct iovec iov[static 2]);
/* recv() into p; on an end sets w->end and returns 0. */
ssize_t wire_recv(struct wire *w, uint8_t *p, size_t n);

#endif
