// SPDX-License-Identifier: GPL-2.0-or-later
// The part of a wire that does not depend on what carries it: the socket and the queue before it.
#include "wire/wire_impl.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define FLUSH_PIECES 32
#define READ_AHEAD   16384 /* about OpenSSL's buffer for reading */
/* AES-GCM's safe limit is 2^24.5 full records under one key (RFC 8446, 5.5). */
#define RECORDS_MAX (1 << 24)

int wire_shared_init(struct wire_shared *sh, struct buf_pool *pool)
{
	*sh = (struct wire_shared){ .pool = pool, .records_max = RECORDS_MAX };
	sh->cipher_in = malloc(WIRE_SCRATCH);
	sh->cipher_out = malloc(WIRE_SCRATCH);
	sh->gather = malloc(WIRE_WRITE_MAX);
	if (sh->cipher_in && sh->cipher_out && sh->gather && record_crypto_init(&sh->crypto) == 0)
		return 0;
	wire_shared_done(sh);
	return -ENOMEM;
}

void wire_shared_done(struct wire_shared *sh)
{
	free(sh->cipher_in);
	free(sh->cipher_out);
	free(sh->gather);
	record_crypto_done(&sh->crypto);
	*sh = (struct wire_shared){ 0 };
}

void wire_init(struct wire *w, const struct wire_ops *ops, struct wire_shared *sh, int fd)
{
	*w = (struct wire){ .ops = ops, .sh = sh, .fd = fd };
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	fd_close(w->fd);
	buf_done(&w->out, w->sh->pool);
	w->ops->free(w);
}

void wire_abort(struct wire *w)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	if (!w)
		return;
	setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	wire_free(w);
}

ssize_t wire_recv(struct wire *w, uint8_t *p, size_t n)
{
	ssize_t got;

	do {
		got = recv(w->fd, p, n, 0);
	} while (got < 0 && errno == EINTR);
	w->more = got == (ssize_t)n;
	if (got > 0)
		return got;
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -EAGAIN;
	w->end = got == 0 ? WIRE_TRUNCATED : WIRE_RESET;
	return 0;
}

ssize_t wire_read(struct wire *w, uint8_t p[static WIRE_READ_ROOM])
{
	if (w->end != WIRE_OPEN)
		return 0;
	return w->ops->read(w, p);
}

bool wire_more(const struct wire *w)
{
	return w->more || w->end != WIRE_OPEN;
}

enum wire_end wire_end(const struct wire *w)
{
	return w->end;
}

/* What every write begins with: the bytes in all, or -errno. */
static ssize_t measure(const struct wire *w, const struct iovec *iov, int n)
{
	size_t total = 0;

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (total > 0 && w->fin_due)
		return -EPIPE;
	return total <= WIRE_WRITE_MAX ? (ssize_t)total : -EMSGSIZE;
}

int wire_write(struct wire *w, const struct iovec *iov, int n, enum wire_push push)
{
	ssize_t total = measure(w, iov, n);

	return total > 0 ? w->ops->write(w, iov, n, (size_t)total, push) : (int)total;
}

int wire_write_in_place(struct wire *w, struct iovec *iov, int n, enum wire_push push)
{
	ssize_t total = measure(w, iov, n);

	if (total <= 0)
		return (int)total;
	if (!w->ops->write_in_place)
		return w->ops->write(w, iov, n, (size_t)total, push);
	return w->ops->write_in_place(w, iov, n, (size_t)total, push);
}

/* One piece, as nearly always, costs the kernel less by send(). */
static ssize_t send_pieces(int fd, const struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
	ssize_t sent;

	do {
		sent = n == 1 ? send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
			      : sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

static ssize_t send_some(int fd, const struct iovec *iov, int n)
{
	ssize_t sent = send_pieces(fd, iov, n);

	if (sent < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	return sent;
}

int wire_queue(struct wire *w, const struct iovec *iov, int n, size_t skip)
{
	for (int i = 0; i < n; i++) {
		size_t gone = skip < iov[i].iov_len ? skip : iov[i].iov_len;

		skip -= gone;
		if (buf_append(&w->out, w->sh->pool, (uint8_t *)iov[i].iov_base + gone,
			       iov[i].iov_len - gone) < 0)
			return -ENOMEM;
	}
	return 0;
}

int wire_send_pieces(struct wire *w, const struct iovec *iov, int n, size_t total,
		     enum wire_push push)
{
	bool queued = w->out.len > 0;
	bool at_once = push == WIRE_NOW || w->out.len + total >= WIRE_AT_ONCE;
	ssize_t sent = 0;

	if (!queued && at_once)
		sent = send_some(w->fd, iov, n);
	if (sent < 0)
		return (int)sent;
	w->sent += (uint64_t)sent;
	if ((size_t)sent < total && wire_queue(w, iov, n, (size_t)sent) < 0)
		return -ENOMEM;
	if (queued && at_once) {
		int err = wire_flush(w);

		return err == -EAGAIN ? 0 : err;
	}
	return 0;
}

int wire_send(struct wire *w, const uint8_t *p, size_t n, enum wire_push push)
{
	struct iovec iov = { (void *)p, n };

	return wire_send_pieces(w, &iov, 1, n, push);
}

size_t wire_queued(const struct wire *w)
{
	return w->out.len;
}

static size_t held(const struct wire *w)
{
	return w->ops->held ? w->ops->held(w) : 0;
}

size_t wire_unacked(const struct wire *w)
{
	int outq = 0; /* of a socket that has failed: nothing is on its way */

	if (ioctl(w->fd, SIOCOUTQ, &outq) < 0)
		outq = 0;
	return w->out.len + held(w) + (size_t)outq;
}

uint64_t wire_sent(const struct wire *w)
{
	return w->sent;
}

int wire_send_queue(int fd, struct buf *out, struct buf_pool *pool, uint64_t *total)
{
	while (out->len > 0) {
		struct iovec iov[FLUSH_PIECES];
		ssize_t sent = send_pieces(fd, iov, buf_peek(out, iov, FLUSH_PIECES));

		if (sent < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		*total += (uint64_t)sent;
		buf_consume(out, pool, (size_t)sent);
	}
	return 0;
}

int wire_flush(struct wire *w)
{
	int err = w->ops->send_queue ? w->ops->send_queue(w)
				     : wire_send_queue(w->fd, &w->out, w->sh->pool, &w->sent);

	if (err < 0 || !w->fin_due || w->fin_sent)
		return err;
	if (held(w) > 0) /* shutdown() would throw it away */
		return -EAGAIN;
	/* once: each call makes an edge, even where FIN is sent already */
	shutdown(w->fd, SHUT_WR);
	w->fin_sent = true;
	return 0;
}

int wire_shutdown(struct wire *w)
{
	int err = w->fin_due || !w->ops->close_notify ? 0 : w->ops->close_notify(w);

	w->fin_due = true;
	return err < 0 ? err : wire_flush(w);
}

void wire_drop_read_ahead(struct wire_shared *sh, int fd)
{
	(void)!recv(fd, sh->cipher_in, READ_AHEAD, 0);
}

int wire_fd(const struct wire *w)
{
	return w->fd;
}

void wire_places(const struct wire *w, enum wire_place *ret_tx, enum wire_place *ret_rx)
{
	*ret_tx = *ret_rx = w->ops->place;
	if (w->ops->places)
		w->ops->places(w, ret_tx, ret_rx);
}

const char *wire_describe(const struct wire *w)
{
	return w->ops->describe(w);
}
