/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session's connection: plaintext in, plaintext out, whatever carries it.
 *
 * Writing never takes a part: what is accepted is laid out as records at once, sent as far as the
 * kernel takes it, and the rest is queued. The caller keeps the queue bounded by asking
 * wire_queued() first. The wire is used by one thread and does not watch its descriptor; its owner
 * does, and calls wire_read() and wire_flush() on its edges.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "wire/record.h"

struct ssl_st;

/* Scratch memory and chunk pool that all wires of one worker share. */
struct wire_shared {
	struct buf_pool *pool;
	uint8_t *cipher_in;  /* WIRE_SCRATCH bytes: ciphertext as received */
	uint8_t *cipher_out; /* WIRE_SCRATCH bytes: records to send */
	uint8_t *gather;     /* WIRE_WRITE_MAX bytes: a gather list made contiguous */
	struct record_crypto crypto;
	uint64_t records_max; /* sealed with one key at most, then comes a KeyUpdate; tests lower it
			       */
};

/* Allocates the scratch; `pool` stays the caller's. 0 or -ENOMEM. */
int wire_shared_init(struct wire_shared *sh, struct buf_pool *pool);
void wire_shared_done(struct wire_shared *sh);

/* The most that WIRE_WRITE_MAX bytes become: TLS 1.2 with CBC in fragments of 512 bytes adds 85
 * each. */
#define WIRE_SCRATCH   (320 * 1024)
#define WIRE_READ_ROOM (288 * 1024) /* room that wire_read() wants */
#define WIRE_WRITE_MAX (256 * 1024) /* bytes that one wire_write() takes at most */

/* How the incoming side ended, once wire_read() returned 0. */
enum wire_end {
	WIRE_OPEN,	/* it has not */
	WIRE_CLOSED,	/* close_notify, or FIN on a plain wire */
	WIRE_TRUNCATED, /* FIN without close_notify */
	WIRE_RESET,	/* RST, time-out, fatal alert, bad record */
	WIRE_STALE,	/* the peer's key has changed, and the kernel cannot follow */
};

/* Where a direction's records are made or read. */
enum wire_place {
	WIRE_PLAIN,   /* there are none */
	WIRE_OPENSSL, /* by OpenSSL */
	WIRE_RECORDS, /* by us */
	WIRE_KERNEL,
};

struct wire;

struct wire_record_opts {
	const struct tls_keys *keys; /* copied */
	bool client;
	bool resumed; /* for wire_describe() */
	struct ssl_st
		*tickets; /* client: the handshake's SSL over memory BIOs, or NULL; it gets to
			     see the tickets that come before the first data, and is then freed */
};

/* Take over fd (and ssl, whose handshake is done). NULL without memory; fd and ssl are then
 * untouched. */
struct wire *wire_plain_new(struct wire_shared *sh, int fd);
struct wire *wire_ssl_new(struct wire_shared *sh, int fd, struct ssl_st *ssl);
struct wire *wire_record_new(struct wire_shared *sh, int fd, const struct wire_record_opts *o);

/* Closes without another word and frees; NULL is ignored. Queued bytes are lost. */
void wire_free(struct wire *w);
/* As wire_free(), with a TCP RST. */
void wire_abort(struct wire *w);

/*
 * One read: everything decrypted that one receive gave; the first read of a server's TLS session is
 * its first record alone (protocol notes 1.3). p has WIRE_READ_ROOM bytes. Returns the bytes,
 * -EAGAIN (nothing more for now), or 0 at the end: wire_end() says which kind. Bytes before an end
 * are always delivered first.
 */
ssize_t wire_read(struct wire *w, uint8_t p[static WIRE_READ_ROOM]);
enum wire_end wire_end(const struct wire *w);
/* After wire_read() gave bytes: whether another one may give something, be it the end. If not, what
 * comes next makes a new edge. */
bool wire_more(const struct wire *w);

enum wire_push {
	WIRE_NOW,   /* send at once: a shaped packet is one record and one segment */
	WIRE_LATER, /* may wait for wire_flush() */
};

/*
 * Writes the gather list, at most WIRE_WRITE_MAX bytes, as records of its own: ceil(total / 16384),
 * all but the last one full. 0: accepted whole. -EPIPE, -ECONNRESET, ...: the wire is dead.
 */
int wire_write(struct wire *w, const struct iovec *iov, int n, enum wire_push push);

/* Room around the pieces of wire_write_in_place(). */
#define WIRE_PIECE_MAX	 RECORD_DATA_MAX
#define WIRE_ROOM_BEFORE RECORD_HDR_LEN
#define WIRE_ROOM_AFTER	 (RECORD_OVERHEAD - RECORD_HDR_LEN)

/*
 * As wire_write(), for pieces that lie where their records are to be: all but the last have
 * WIRE_PIECE_MAX bytes, WIRE_ROOM_BEFORE bytes before each and WIRE_ROOM_AFTER behind it are
 * writable, and a piece's room ends where the next one's begins. Pieces and room may be changed.
 */
int wire_write_in_place(struct wire *w, struct iovec *iov, int n, enum wire_push push);

/*
 * Splicing: data goes between the socket and a pipe past userspace. Whether it can at this moment:
 * a plain wire or kernel TLS, and, for sending, an empty queue.
 */
bool wire_splices_in(const struct wire *w);
bool wire_splices_out(const struct wire *w);

/*
 * Received data, at most `max` bytes or about that (whole records), into an empty pipe with room
 * for so many pieces: some kernels lose what of a record does not fit. Returns the bytes; -EAGAIN:
 * nothing more for now; -EBUSY: only wire_read() can tell what comes next, which may be nothing, or
 * the end; 0: the end, see wire_end().
 */
ssize_t wire_splice_in(struct wire *w, int pipe, unsigned slots, size_t max);

/*
 * As wire_write() with WIRE_NOW, for a header and n (at most 65535) bytes that are in a pipe, which
 * does not block, and has lost them afterwards, also where this fails. Where records end is up to
 * the pieces that its bytes came in. The process has to ignore SIGPIPE, which splice() cannot be
 * kept from.
 */
int wire_splice_out(struct wire *w, const void *hdr, size_t n_hdr, int pipe, size_t n);

/* Bytes accepted that the kernel has not taken yet. */
size_t wire_queued(const struct wire *w);

/* The same, those that kernel TLS holds, and those that the peer's kernel has not acknowledged. */
size_t wire_unacked(const struct wire *w);

/* Bytes that the socket took since the wire was made; with wire_queued(), a place in what was
 * written, which is out once wire_sent() alone has reached it. They are those on the connection
 * where we make the records. */
uint64_t wire_sent(const struct wire *w);

/*
 * Sends what is queued: 0 when all is gone, -EAGAIN when the socket is full, else the wire is dead.
 * -EAGAIN with an empty queue, after wire_shutdown(): kernel TLS still holds records, FIN has to
 * wait for them, and no event tells when they are gone; call it again soon.
 */
int wire_flush(struct wire *w);

/* Queues close_notify (on a plain wire: nothing) and then FIN behind all that is queued. Nothing
 * may be written after it; reading goes on. */
int wire_shutdown(struct wire *w);

/*
 * Drops what a web server's OpenSSL would have read ahead of a record that it refuses. Left unread,
 * closing the socket would make an RST of it, which can overtake the alert.
 */
void wire_drop_read_ahead(struct wire_shared *sh, int fd);

struct wire_kernel_opts {
	bool tx, rx;   /* the directions that the kernel is to have */
	bool no_pad;   /* decrypt into the reader's memory: right only where records with padding
			  are known to be */
	bool rekey_tx; /* the kernel can replace the key that it sends with */
};

/*
 * Has the kernel make and read the records of a TLS 1.3 wire, each direction from the next moment
 * on where that can be: once the queue is empty and no answer to a KeyUpdate is due that the kernel
 * could not give, and behind the first data. What the kernel refuses
 * goes on here, with the same keys. Other wires ignore it. 0 or -ENOMEM (nothing has changed).
 */
int wire_to_kernel(struct wire *w, const struct wire_kernel_opts *o);
/* The TLS 1.3 cipher suite of a wire that wire_to_kernel() takes; 0 for others. */
int wire_suite(const struct wire *w);
/* Where the records are made and read by now. */
void wire_places(const struct wire *w, enum wire_place *ret_tx, enum wire_place *ret_rx);
/* Why the kernel has not got what was asked for: a text, or NULL where there is nothing to say. */
const char *wire_kernel_refusal(const struct wire *w);

/* How much longer the keys will do. */
enum wire_wear {
	WIRE_FRESH,
	WIRE_WORN,  /* half of what one key may do: no new stream, where that can be avoided */
	WIRE_SPENT, /* nothing more shall be written: close it */
};
enum wire_wear wire_wear(const struct wire *w);

int wire_fd(const struct wire *w);
/* "plain", "TLSv1.3 TLS_AES_128_GCM_SHA256", ...: for logs. */
const char *wire_describe(const struct wire *w);

#endif
