// SPDX-License-Identifier: GPL-2.0-or-later
// Reading TLS 1.3 records: receiving, opening, and what is no data in them.
#include "wire/wire_record_impl.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"

#define PART_MAX (RECORD_HDR_LEN + RECORD_BODY_MAX)
#define RECV_MAX (16 * (RECORD_DATA_MAX + RECORD_OVERHEAD))
_Static_assert(PART_MAX + RECV_MAX <= WIRE_SCRATCH, "a part and a receive fit in the scratch");
_Static_assert(PART_MAX + RECV_MAX <= WIRE_READ_ROOM, "and what comes out of them in the room");

/* A peer that sends key updates and the like without end keeps the worker from everybody else. */
#define UPDATES_MAX 64 /* key updates in one read */
/* Where OpenSSL loses patience: our limits shall be no others. */
#define EMPTIES_MAX  32
#define WARNINGS_MAX 4

/* Nothing follows our close_notify, not even an alert. */
void wire_record_fail(struct wire_record *r, enum record_alert what)
{
	if (!r->dead && !r->w.fin_due)
		wire_record_alert(r, true, what);
	r->dead = true;
	r->w.end = WIRE_RESET;
}

/* OpenSSL reads the same record once more, for the ticket that is in it. */
static void learn_ticket(struct wire_record *r, const uint8_t *record, size_t n)
{
	uint8_t none;

	ERR_clear_error();
	if (BIO_write(SSL_get_rbio(r->tickets), record, (int)n) != (int)n ||
	    SSL_read(r->tickets, &none, 1) > 0 ||
	    SSL_get_error(r->tickets, -1) != SSL_ERROR_WANT_READ)
		wire_record_forget_tickets(r);
	ERR_clear_error();
}

/*
 * An answer that is still due goes out before the next message is looked at, as with OpenSSL; but
 * not into a queue, which a peer that does not read could fill with answers.
 */
static void answer(struct wire_record *r)
{
	if (!r->w.fin_due && wire_queued(&r->w) == 0 && wire_record_answer(r) < 0)
		r->w.end = WIRE_RESET;
}

static void got_handshake(struct wire_record *r, struct reading *rd, const uint8_t *content,
			  size_t n, const uint8_t *record, size_t n_record)
{
	bool begins = !post_handshake_in_body(&r->post) && r->post.have + n >= sizeof(r->post.hdr);
	int events;

	if (begins && r->answer_due)
		answer(r);
	events = post_handshake_feed(&r->post, r->client, content, n);
	if (events < 0) {
		wire_record_fail(r, (enum record_alert) - events);
		return;
	}
	if (events & POST_KEY_UPDATE) {
		wire_record_forget_tickets(r); /* it would want to answer */
		if (++rd->updates > UPDATES_MAX || record_dir_update(&r->w.sh->crypto, &r->rx) < 0)
			wire_record_fail(r, ALERT_INTERNAL_ERROR);
		else if (r->kernel && r->kernel->rx && wire_kernel_rx_update(r) < 0)
			r->w.end = WIRE_STALE;
		r->answer_due |= (events & POST_REQUESTED) != 0;
	} else if (r->tickets) {
		learn_ticket(r, record, n_record);
	}
}

static void got_alert(struct wire_record *r, const uint8_t *content, size_t n)
{
	if (n != 2)
		wire_record_fail(r, ALERT_UNEXPECTED_MESSAGE);
	else if (content[1] == ALERT_CLOSE_NOTIFY)
		r->w.end = WIRE_CLOSED;
	else if (content[1] != ALERT_USER_CANCELED) /* close_notify comes behind it */
		r->w.end = WIRE_RESET;
	else if (++r->warnings > WARNINGS_MAX)
		wire_record_fail(r, ALERT_UNEXPECTED_MESSAGE);
}

static void got_data(struct wire_record *r, struct reading *rd, size_t n)
{
	rd->used += n;
	if (n == 0) {
		if (++r->empties > EMPTIES_MAX)
			wire_record_fail(r, ALERT_UNEXPECTED_MESSAGE);
		return;
	}
	r->had_data = true;
	r->one_record = wire_kernel_rx_due(r);
	wire_record_forget_tickets(r); /* later ones are not waited for */
}

void wire_record_take(struct wire_record *r, struct reading *rd, int type, size_t n,
		      const uint8_t *record, size_t n_record)
{
	const uint8_t *content = rd->out + rd->used;

	if (n > 0)
		r->empties = 0;
	if (n > 0 && type != RECORD_ALERT)
		r->warnings = 0;
	if (type == RECORD_HANDSHAKE)
		got_handshake(r, rd, content, n, record, n_record);
	else if (post_handshake_midway(&r->post) &&
		 !(type == RECORD_ALERT && post_handshake_in_body(&r->post)))
		wire_record_fail(r, ALERT_UNEXPECTED_MESSAGE);
	else if (type == RECORD_ALERT)
		got_alert(r, content, n);
	else
		got_data(r, rd, n);
}

/* Opens the whole record of n bytes and does as it says. */
static void take_record(struct wire_record *r, struct reading *rd, const uint8_t *record, size_t n)
{
	size_t len;
	int type = record_open(&r->w.sh->crypto, &r->rx, record, rd->out + rd->used, &len);

	if (type < 0)
		wire_record_fail(r, (enum record_alert) - type);
	else
		wire_record_take(r, rd, type, len, record, n);
}

/* Takes the whole records of n bytes of ciphertext; returns how many bytes they were. */
static size_t take_records(struct wire_record *r, struct reading *rd, const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (r->w.end == WIRE_OPEN && n - at >= RECORD_HDR_LEN) {
		int body = record_body_len(p + at);

		if (body < 0) {
			wire_record_fail(r, (enum record_alert) - body);
			break;
		}
		if (n - at < RECORD_HDR_LEN + (size_t)body)
			break;
		take_record(r, rd, p + at, RECORD_HDR_LEN + (size_t)body);
		at += RECORD_HDR_LEN + (size_t)body;
	}
	return at;
}

/* Bytes that complete the record at hand: its header, then its body. */
static size_t missing(const struct wire_record *r)
{
	if (r->n_part < RECORD_HDR_LEN)
		return RECORD_HDR_LEN - r->n_part;
	return RECORD_HDR_LEN + (size_t)get_be16(r->part + 3) - r->n_part;
}

/* Keeps the beginning of a record for the next receive. */
static int keep_part(struct wire_record *r, const uint8_t *p, size_t n)
{
	free(r->part);
	r->part = NULL;
	r->n_part = (uint32_t)n;
	if (n == 0)
		return 0;
	r->part = malloc(n);
	if (!r->part)
		return -ENOMEM;
	memcpy(r->part, p, n);
	return 0;
}

/* One receive, opened. As wire_recv(); what came out is in *rd. */
static ssize_t read_once(struct wire_record *r, struct reading *rd)
{
	uint8_t *in = r->w.sh->cipher_in;
	size_t n = r->n_part, used;
	ssize_t got = wire_recv(&r->w, in + n, r->one_record ? missing(r) : RECV_MAX);

	if (got <= 0)
		return got;
	if (n > 0)
		memcpy(in, r->part, n);
	n += (size_t)got;
	used = take_records(r, rd, in, n);
	if (r->w.end == WIRE_OPEN && keep_part(r, in + used, n - used) < 0)
		wire_record_fail(r, ALERT_INTERNAL_ERROR);
	return got;
}

ssize_t wire_record_read(struct wire *w, uint8_t *p)
{
	struct wire_record *r = wire_record_of(w);
	struct reading rd = { .out = p };
	ssize_t got;

	/* tickets and the like: the end may wait behind them, and would make no other edge */
	do {
		got = read_once(r, &rd);
		r->barren = rd.used > 0 ? 0 : r->barren + (got > 0 ? (uint32_t)got : 0);
		if (r->barren > WIRE_BARREN_MAX)
			w->end = WIRE_RESET;
	} while (got > 0 && rd.used == 0 && w->end == WIRE_OPEN);
	if (r->kernel)
		wire_kernel_settle(r);
	if (rd.used > 0 || got <= 0)
		return rd.used > 0 ? (ssize_t)rd.used : got;
	return w->end == WIRE_OPEN ? -EAGAIN : 0;
}
