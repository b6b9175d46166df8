// SPDX-License-Identifier: GPL-2.0-or-later
// A TLS 1.3 session whose records we make and read ourselves, once the handshake left the keys.
#include "wire/wire_record_impl.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What is sealed and sent goes through these two, or minds `dead` as they do. After a failure
 * nothing may follow: the peer would find a hole, and a key that was not replaced would be used
 * twice.
 */
static ssize_t seal(struct wire_record *r, enum record_type type, struct record_src *src, size_t n,
		    uint8_t *out)
{
	ssize_t len = r->dead ? -EPIPE : record_seal(&r->w.sh->crypto, &r->tx, type, src, n, out);

	r->dead |= len < 0;
	return len;
}

int wire_record_send(struct wire_record *r, const uint8_t *p, size_t n, enum wire_push push)
{
	int err = wire_send(&r->w, p, n, push);

	r->dead |= err < 0;
	return err;
}

static ssize_t seal_control(struct wire_record *r, enum record_type type, const void *p, size_t n,
			    uint8_t *out)
{
	struct iovec iov = { (void *)p, n };
	struct record_src src = { &iov, 0 };

	return seal(r, type, &src, n, out);
}

/* Seals our KeyUpdate into out; the next record has the next key. Returns its length or -errno. */
static ssize_t key_update(struct wire_record *r, uint8_t *out)
{
	static const uint8_t message[] = KEY_UPDATE_MESSAGE;
	ssize_t n = seal_control(r, RECORD_HANDSHAKE, message, sizeof(message), out);

	if (n < 0)
		return n;
	r->answer_due = false;
	r->dead = record_dir_update(&r->w.sh->crypto, &r->tx) < 0;
	return r->dead ? -EIO : n;
}

int wire_record_alert(struct wire_record *r, bool fatal, enum record_alert what)
{
	const uint8_t alert[] = { fatal ? 2 : 1, (uint8_t)what };
	enum wire_push push = fatal ? WIRE_NOW : WIRE_LATER;
	uint8_t *out = r->w.sh->cipher_out;
	ssize_t n;

	if (r->kernel && r->kernel->tx)
		return wire_ktls_control(r, RECORD_ALERT, alert, sizeof(alert), push);
	n = seal_control(r, RECORD_ALERT, alert, sizeof(alert), out);
	return n < 0 ? -EPIPE : wire_record_send(r, out, (size_t)n, push);
}

void wire_record_forget_tickets(struct wire_record *r)
{
	if (!r->tickets)
		return;
	/* a session that ends without close_notify must stay resumable */
	SSL_set_shutdown(r->tickets, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(r->tickets);
	r->tickets = NULL;
}

int wire_record_answer(struct wire_record *r)
{
	uint8_t *out = r->w.sh->cipher_out;
	ssize_t n;

	if (r->kernel && r->kernel->tx)
		return wire_ktls_key_update(r);
	n = key_update(r, out);
	return n < 0 ? (int)n : wire_record_send(r, out, (size_t)n, WIRE_NOW);
}

/* Whether the kernel makes the records that are written now. */
static bool in_kernel(struct wire_record *r)
{
	if (!r->kernel)
		return false;
	wire_kernel_settle(r);
	return r->kernel->tx;
}

static int record_write(struct wire *w, const struct iovec *iov, int n, size_t total,
			enum wire_push push)
{
	struct wire_record *r = wire_record_of(w);
	struct record_src src = { iov, 0 };
	uint8_t *out = w->sh->cipher_out;

	if (in_kernel(r))
		return wire_ktls_write(w, iov, n, total, push);
	while (total > 0) {
		size_t take = total < RECORD_DATA_MAX ? total : RECORD_DATA_MAX;
		ssize_t update = 0, len;

		/* the KeyUpdate is the last one under its key */
		if (r->answer_due || r->tx.keys.seq + 1 >= w->sh->records_max)
			update = key_update(r, out);
		out += update > 0 ? update : 0;
		len = seal(r, RECORD_DATA, &src, take, out);
		if (len < 0)
			return -EPIPE;
		out += len;
		total -= take;
	}
	return wire_record_send(r, w->sh->cipher_out, (size_t)(out - w->sh->cipher_out), push);
}

/* The same without a copy: each piece becomes its record where it lies. */
static int record_write_in_place(struct wire *w, struct iovec *iov, int n, size_t total,
				 enum wire_push push)
{
	struct wire_record *r = wire_record_of(w);
	uint8_t *start = (uint8_t *)iov->iov_base - RECORD_HDR_LEN;

	if (in_kernel(r))
		return wire_ktls_write(w, iov, n, total, push);
	/* a KeyUpdate has no room here */
	if (r->answer_due || r->tx.keys.seq + (uint64_t)n + 1 >= w->sh->records_max)
		return record_write(w, iov, n, total, push);
	for (int i = 0; i < n && !r->dead; i++)
		r->dead = record_seal_in_place(&w->sh->crypto, &r->tx, RECORD_DATA, iov[i].iov_base,
					       iov[i].iov_len) < 0;
	if (r->dead)
		return -EPIPE;
	return wire_record_send(r, start, total + (size_t)n * RECORD_OVERHEAD, push);
}

static int record_close_notify(struct wire *w)
{
	struct wire_record *r = wire_record_of(w);

	/* the last: as OpenSSL, which cannot take leave there */
	if (w->end == WIRE_RESET || r->dead || post_handshake_in_body(&r->post))
		return 0;
	return wire_record_alert(r, false, ALERT_CLOSE_NOTIFY);
}

static void record_free(struct wire *w)
{
	struct wire_record *r = wire_record_of(w);

	record_dir_done(&w->sh->crypto, &r->tx);
	record_dir_done(&w->sh->crypto, &r->rx);
	wire_record_forget_tickets(r);
	free(r->kernel);
	free(r->part);
	free(r);
}

static void record_places(const struct wire *w, enum wire_place *ret_tx, enum wire_place *ret_rx)
{
	const struct wire_record *r = (const struct wire_record *)(const void *)w;

	*ret_tx = r->kernel && r->kernel->tx ? WIRE_KERNEL : WIRE_RECORDS;
	*ret_rx = r->kernel && r->kernel->rx ? WIRE_KERNEL : WIRE_RECORDS;
}

static const char *record_describe(const struct wire *w)
{
	static const char *const places[2][2] = { { "in userspace (records)",
						    "received by the kernel" },
						  { "sent by the kernel", "in the kernel" } };
	static _Thread_local char text[96];
	const struct wire_record *r = (const struct wire_record *)(const void *)w;

	enum wire_place tx, rx;

	record_places(w, &tx, &rx);
	snprintf(text, sizeof(text), "TLSv1.3 %s%s %s", tls_suite_name(r->tx.suite),
		 r->resumed ? " resumed" : "", places[tx == WIRE_KERNEL][rx == WIRE_KERNEL]);
	return text;
}

static int record_send_queue(struct wire *w)
{
	struct wire_record *r = wire_record_of(w);
	int err;

	if (r->kernel && r->kernel->tx)
		return wire_ktls_send_queue(r);
	err = wire_send_queue(w->fd, &w->out, w->sh->pool, &w->sent);
	if (err == 0 && r->kernel)
		wire_kernel_settle(r);
	return err;
}

static ssize_t record_read(struct wire *w, uint8_t *p)
{
	struct wire_record *r = wire_record_of(w);

	return r->kernel && r->kernel->rx ? wire_ktls_read(w, p) : wire_record_read(w, p);
}

const struct wire_ops wire_record_ops = {
	.read = record_read,
	.write = record_write,
	.write_in_place = record_write_in_place,
	.close_notify = record_close_notify,
	.free = record_free,
	.describe = record_describe,
	.places = record_places,
	.send_queue = record_send_queue,
	.held = wire_ktls_held,
	.splice_in = wire_ktls_splice_in,
	.splice_out = wire_ktls_splice_out,
};

struct wire *wire_record_new(struct wire_shared *sh, int fd, const struct wire_record_opts *o)
{
	struct wire_record *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	wire_init(&r->w, &wire_record_ops, sh, fd);
	record_dir_init(&r->tx, o->keys->suite, &o->keys->tx, true);
	record_dir_init(&r->rx, o->keys->suite, &o->keys->rx, false);
	r->client = o->client;
	r->resumed = o->resumed;
	r->one_record = !o->client;
	r->tickets = o->tickets;
	return &r->w;
}
