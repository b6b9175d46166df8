// SPDX-License-Identifier: GPL-2.0-or-later
// Writing where the kernel makes the records: messages of a type, and a queue of them.
#include "wire/wire_record_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/be.h"
#include "wire/ktls.h"

#define FLUSH_PIECES 32 /* the most that a message can be in: no record is ever left open */
#define HEAD_LEN     4	/* in the queue, before each message: type, and 24 bits of length */
_Static_assert(WIRE_WRITE_MAX < 1 << 24, "a length has 24 bits");
_Static_assert(WIRE_WRITE_MAX / BUF_CHUNK_LEN + 2 <= FLUSH_PIECES, "a message goes by one call");

static uint64_t records_of(size_t n)
{
	return (n + RECORD_DATA_MAX - 1) / RECORD_DATA_MAX;
}

/* Nothing may follow. */
static int failed(struct wire_record *r, int err)
{
	r->dead = true;
	return err;
}

/* Our KeyUpdate has left: the next record is under the next key. */
static int take_next_key(struct wire_record *r)
{
	struct wire_kernel *k = r->kernel;
	uint64_t seq;
	int err = ktls_seq(r->w.fd, KTLS_TX, r->tx.suite, &seq);

	if (!err)
		err = record_dir_update(&r->w.sh->crypto, &r->tx);
	if (!err)
		err = ktls_install(r->w.fd, KTLS_TX, r->tx.suite, &r->tx.keys);
	record_dir_rest(&r->w.sh->crypto, &r->tx);
	if (err) {
		buf_done(&r->w.out, r->w.sh->pool); /* it was for the next key */
		k->left = 0;
		return failed(r, err);
	}
	k->records_before += seq - k->seq;
	k->seq = 0;
	return 0;
}

static int sent_whole(struct wire_record *r, enum record_type type)
{
	return type == RECORD_HANDSHAKE ? take_next_key(r) : 0;
}

/* Queues all but the first `sent` bytes as a message. */
static int queue_message(struct wire_record *r, enum record_type type, const struct iovec *iov,
			 int n, size_t total, size_t sent)
{
	struct wire *w = &r->w;
	uint8_t head[HEAD_LEN];

	put_be32(head, (uint32_t)type << 24 | (uint32_t)(total - sent));
	if (buf_append(&w->out, w->sh->pool, head, sizeof(head)) < 0 ||
	    wire_queue(w, iov, n, sent) < 0)
		return failed(r, -ENOMEM);
	return 0;
}

static int try_queue(struct wire_record *r)
{
	int err = wire_ktls_send_queue(r);

	return err == -EAGAIN ? 0 : err;
}

/* Sends a message or queues what does not go, as wire_send_pieces() does with bytes. */
static int put(struct wire_record *r, enum record_type type, const struct iovec *iov, int n,
	       size_t total, enum wire_push push)
{
	struct wire *w = &r->w;
	bool queued = w->out.len > 0;
	bool at_once = push == WIRE_NOW || w->out.len + total >= WIRE_AT_ONCE;
	ssize_t sent = 0;

	if (r->dead || w->end == WIRE_RESET) /* the kernel would take it all the same */
		return -EPIPE;
	if (!queued && at_once)
		sent = ktls_send(w->fd, type, iov, n, 0);
	if (sent < 0 && sent != -EAGAIN)
		return failed(r, (int)sent);
	sent = sent < 0 ? 0 : sent;
	w->sent += (uint64_t)sent;
	r->kernel->content += (uint64_t)sent;
	r->kernel->used += records_of(total);
	if ((size_t)sent == total)
		return sent_whole(r, type);
	if (queue_message(r, type, iov, n, total, (size_t)sent) < 0)
		return -ENOMEM;
	return queued && at_once ? try_queue(r) : 0;
}

int wire_ktls_control(struct wire_record *r, enum record_type type, const void *p, size_t n,
		      enum wire_push push)
{
	struct iovec iov = { (void *)p, n };

	return put(r, type, &iov, 1, n, push);
}

int wire_ktls_key_update(struct wire_record *r)
{
	static const uint8_t message[] = KEY_UPDATE_MESSAGE;
	int err;

	if (!r->kernel->o.rekey_tx)
		return 0; /* wire_wear() tells */
	r->answer_due = false;
	err = wire_ktls_control(r, RECORD_HANDSHAKE, message, sizeof(message), WIRE_NOW);
	r->kernel->used = 0; /* what is written now has the next key */
	return err;
}

/* What goes before the next n records of data: a KeyUpdate, where one is due. */
static int before_data(struct wire_record *r, uint64_t n)
{
	uint64_t max = r->w.sh->records_max;

	if (!r->answer_due && r->kernel->used + n + 1 < max)
		return 0;
	if (r->kernel->o.rekey_tx)
		return wire_ktls_key_update(r);
	r->kernel->spent = true;
	return r->kernel->used + n < max ? 0 : -EPIPE;
}

int wire_ktls_write(struct wire *w, const struct iovec *iov, int n, size_t total,
		    enum wire_push push)
{
	struct wire_record *r = wire_record_of(w);
	int err = before_data(r, records_of(total));

	return err < 0 ? err : put(r, RECORD_DATA, iov, n, total, push);
}

/* Reads the head of the message at the head of the queue. */
static void next_message(struct wire_record *r)
{
	struct iovec iov[HEAD_LEN];
	uint8_t head[HEAD_LEN];
	size_t have = 0;
	int n = buf_peek(&r->w.out, iov, HEAD_LEN);

	for (int i = 0; i < n && have < sizeof(head); i++) {
		size_t left = sizeof(head) - have, take = iov[i].iov_len;

		take = take < left ? take : left;
		memcpy(head + have, iov[i].iov_base, take);
		have += take;
	}
	buf_consume(&r->w.out, r->w.sh->pool, sizeof(head));
	r->w.sent += sizeof(head); /* they counted as queued */
	r->kernel->type = (enum record_type)head[0];
	r->kernel->left = get_be32(head) & 0xffffff;
}

/* The pieces of what is left of the current message. */
static int peek_message(const struct wire_record *r, struct iovec iov[static FLUSH_PIECES])
{
	int have = buf_peek(&r->w.out, iov, FLUSH_PIECES), n = 0;
	size_t left = r->kernel->left;

	for (; n < have && left > 0; n++) {
		if (iov[n].iov_len > left)
			iov[n].iov_len = left;
		left -= iov[n].iov_len;
	}
	return n;
}

int wire_ktls_send_queue(struct wire_record *r)
{
	struct wire *w = &r->w;
	struct wire_kernel *k = r->kernel;
	int err = 0;

	while (w->out.len > 0 && !err) {
		struct iovec iov[FLUSH_PIECES];
		ssize_t sent;
		int n;

		if (k->left == 0)
			next_message(r);
		n = peek_message(r, iov);
		sent = ktls_send(w->fd, k->type, iov, n, 0);
		if (sent < 0)
			return sent == -EAGAIN ? -EAGAIN : failed(r, (int)sent);
		w->sent += (uint64_t)sent;
		k->content += (uint64_t)sent;
		k->left -= (uint32_t)sent;
		buf_consume(&w->out, w->sh->pool, (size_t)sent);
		if (k->left == 0)
			err = sent_whole(r, k->type);
	}
	return err;
}

size_t wire_ktls_held(const struct wire *w)
{
	const struct wire_record *r = (const struct wire_record *)(const void *)w;
	const struct wire_kernel *k = r->kernel;
	uint64_t pushed, seq, given;

	if (!k || !k->tx || ktls_pushed(w->fd, &pushed) < 0 ||
	    ktls_seq(w->fd, KTLS_TX, r->tx.suite, &seq) < 0)
		return 0;
	given = k->content + RECORD_OVERHEAD * (k->records_before + seq - k->seq);
	pushed -= k->base;
	return given > pushed ? (size_t)(given - pushed) : 0;
}

/* The bytes taken, or -errno. */
static ssize_t splice_now(struct wire_record *r, const void *hdr, size_t n_hdr, int pipe, size_t n)
{
	ssize_t sent = wire_splice_some(r->w.fd, hdr, n_hdr, pipe, n);

	if (sent < 0)
		return failed(r, (int)sent);
	r->w.sent += (uint64_t)sent;
	r->kernel->content += (uint64_t)sent;
	return sent;
}

int wire_ktls_splice_out(struct wire *w, const void *hdr, size_t n_hdr, int pipe, size_t n)
{
	struct wire_record *r = wire_record_of(w);
	struct wire_kernel *k = r->kernel;
	uint64_t most = n / 1024 + 2; /* records, at worst one for each page of the pipe */
	struct iovec rest[2];
	ssize_t sent = 0;
	int err;

	err = r->dead || w->end == WIRE_RESET ? -EPIPE : before_data(r, most);
	if (err < 0)
		return (int)wire_splice_lose(pipe, n, err);
	if (w->out.len == 0)
		sent = splice_now(r, hdr, n_hdr, pipe, n);
	if (sent < 0)
		return (int)sent;
	k->used += most;
	if ((size_t)sent == n_hdr + n) {
		if (k->used >= w->sh->records_max / 2) /* it was a guess */
			ktls_seq(w->fd, KTLS_TX, r->tx.suite, &k->used);
		return 0;
	}
	err = wire_splice_rest(w, hdr, n_hdr, pipe, n, (size_t)sent, rest);
	if (err < 0)
		return failed(r, err);
	err = queue_message(r, RECORD_DATA, rest, err, rest[0].iov_len + rest[1].iov_len, 0);
	return err < 0 ? err : try_queue(r);
}
