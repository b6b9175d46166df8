/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wire_record.c (life, writing) and wire_record_read.c (reading) need of each other. */
#ifndef WIRE_WIRE_RECORD_IMPL_H
#define WIRE_WIRE_RECORD_IMPL_H

#include "wire/post_handshake.h"
#include "wire/record.h"
#include "wire/wire_impl.h"

struct wire_record {
	struct wire w;
	struct record_dir tx, rx;
	struct post_handshake post;
	struct ssl_st *tickets; /* client: learns the tickets that come before the first data */
	uint8_t *part;		/* the beginning of a record, as received; or NULL */
	uint32_t n_part;
	uint32_t barren; /* bytes received since the last data */
	bool resumed;
	bool client;
	bool one_record;  /* server, before its first data: no more than one record is received */
	bool dead;	  /* nothing may follow: a fatal alert left, or sealing or sending failed */
	bool answer_due;  /* the peer asked for a KeyUpdate, which goes before our next data */
	uint8_t empties;  /* records without content in a row */
	uint8_t warnings; /* alerts that mean nothing, in a row */
};

ssize_t wire_record_read(struct wire *w, uint8_t *p);
/* wire_send(), after whose failure nothing is sealed any more. */
int wire_record_send(struct wire_record *r, const uint8_t *p, size_t n, enum wire_push push);
/* Queues an alert. 0 or -errno. */
int wire_record_alert(struct wire_record *r, bool fatal, enum record_alert what);
/* Seals our KeyUpdate into out; the next record has the next key. Returns its length or -EIO. */
ssize_t wire_record_key_update(struct wire_record *r, uint8_t *out);
/* Frees the SSL that learns tickets, if there is one. */
void wire_record_forget_tickets(struct wire_record *r);

static inline struct wire_record *wire_record_of(struct wire *w)
{
	return (struct wire_record *)(void *)w;
}

#endif
