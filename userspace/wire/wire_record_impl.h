/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of a TLS 1.3 wire need of each other: wire_record.c (life, writing),
 * wire_record_read.c (reading), and for what the kernel does of it wire_kernel.c (handing over),
 * wire_ktls.c (writing) and wire_ktls_read.c.
 */
#ifndef WIRE_WIRE_RECORD_IMPL_H
#define WIRE_WIRE_RECORD_IMPL_H

#include "wire/post_handshake.h"
#include "wire/record.h"
#include "wire/wire_impl.h"

#define KEY_UPDATE_MESSAGE                                                                         \
	{                                                                                          \
		24, 0, 0, 1, 0                                                                     \
	}			    /* asks for none in return */
#define WIRE_BARREN_MAX (64 * 1024) /* bytes without data that are received in a row */

/* What was asked of the kernel, and what came of it. */
struct wire_kernel {
	struct wire_kernel_opts o;
	bool attached;		      /* the socket is ready for keys */
	bool tx, rx;		      /* the kernel has the key */
	int tx_refused, rx_refused;   /* -errno: the records go on in userspace */
	bool spent;		      /* a key has to change, and the kernel cannot */
	enum record_type type;	      /* of the message at the head of the queue ... */
	uint32_t left;		      /* ... and its bytes that are left; 0: its head comes first */
	uint64_t base;		      /* ktls_pushed() when it got the first key */
	uint64_t content;	      /* bytes it was given since */
	uint64_t seq, records_before; /* first record of this key; records of earlier keys */
	uint64_t used; /* records that the newest key has, and will have by the queue */
};

struct wire_record {
	struct wire w;
	struct record_dir tx, rx;
	struct post_handshake post;
	struct wire_kernel *kernel; /* NULL: nothing was asked of it */
	struct ssl_st *tickets;	    /* client: learns the tickets that come before the first data */
	uint8_t *part;		    /* the beginning of a record, as received; or NULL */
	uint32_t n_part;
	uint32_t barren; /* bytes received since the last data */
	bool resumed;
	bool had_data;
	bool client;
	bool one_record;  /* no more than one record is received: before a server's first data, and
			     where the kernel is to take over behind it */
	bool dead;	  /* nothing may follow: a fatal alert left, or sealing or sending failed */
	bool answer_due;  /* the peer asked for a KeyUpdate, which goes before our next data */
	uint8_t empties;  /* records without content in a row */
	uint8_t warnings; /* alerts that mean nothing, in a row */
};

/* One wire_read() at work. */
struct reading {
	uint8_t *out; /* plaintext goes here */
	size_t used;
	unsigned updates;
};

ssize_t wire_record_read(struct wire *w, uint8_t *p);
/* Does as the content of a record says, which is at rd->out + rd->used; `record`, of n_record
 * bytes, is the whole of it, or NULL where the kernel has opened it. */
void wire_record_take(struct wire_record *r, struct reading *rd, int type, size_t n,
		      const uint8_t *record, size_t n_record);
/* What the peer sent is no TLS: tells it so, and that is the end. */
void wire_record_fail(struct wire_record *r, enum record_alert what);
/* wire_send(), after whose failure nothing is sealed any more. */
int wire_record_send(struct wire_record *r, const uint8_t *p, size_t n, enum wire_push push);
/* Queues an alert. 0 or -errno. */
int wire_record_alert(struct wire_record *r, bool fatal, enum record_alert what);
/* Sends our KeyUpdate; the next record has the next key. 0 or -errno: then nothing may follow. */
int wire_record_answer(struct wire_record *r);
/* Frees the SSL that learns tickets, if there is one. */
void wire_record_forget_tickets(struct wire_record *r);

/* Hands over what is due and can be by now. */
void wire_kernel_settle(struct wire_record *r);
/* Whether something is due, for which reading goes record by record. */
bool wire_kernel_rx_due(const struct wire_record *r);
/* The peer's next key for the kernel. 0, or -errno: it cannot follow. */
int wire_kernel_rx_update(struct wire_record *r);

/* Where the kernel makes the records. */
int wire_ktls_write(struct wire *w, const struct iovec *iov, int n, size_t total,
		    enum wire_push push);
int wire_ktls_control(struct wire_record *r, enum record_type type, const void *p, size_t n,
		      enum wire_push push);
int wire_ktls_key_update(struct wire_record *r);
int wire_ktls_send_queue(struct wire_record *r);
/* Bytes, as records, that the kernel has accepted and TCP does not have yet. */
size_t wire_ktls_held(const struct wire *w);
int wire_ktls_splice_out(struct wire *w, const void *hdr, size_t n_hdr, int pipe, size_t n);

/* Where the kernel reads them. */
ssize_t wire_ktls_read(struct wire *w, uint8_t *p);
ssize_t wire_ktls_splice_in(struct wire *w, int pipe, unsigned slots, size_t max);

extern const struct wire_ops wire_record_ops;

static inline struct wire_record *wire_record_of(struct wire *w)
{
	return (struct wire_record *)(void *)w;
}

#endif
