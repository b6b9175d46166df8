// SPDX-License-Identifier: GPL-2.0-or-later
// A session on plain TCP: an inbound without TLS, behind somebody else's.
#include "wire/wire_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static ssize_t plain_read(struct wire *w, uint8_t *p)
{
	ssize_t n = wire_recv(w, p, WIRE_READ_ROOM);

	if (w->end == WIRE_TRUNCATED)
		w->end = WIRE_CLOSED; /* a FIN is all the farewell there is */
	return n;
}

static ssize_t plain_splice_in(struct wire *w, int pipe, unsigned slots, size_t max)
{
	ssize_t n;

	(void)slots;
	do {
		n = splice(w->fd, NULL, pipe, NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	w->more = true;
	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	w->end = n == 0 ? WIRE_CLOSED : WIRE_RESET;
	return 0;
}

static int plain_splice_out(struct wire *w, const void *hdr, size_t n_hdr, int pipe, size_t n)
{
	struct iovec rest[2];
	ssize_t sent = w->out.len > 0 ? 0 : wire_splice_some(w->fd, hdr, n_hdr, pipe, n);
	int pieces;

	if (sent < 0)
		return (int)sent;
	w->sent += (uint64_t)sent;
	if ((size_t)sent == n_hdr + n)
		return 0;
	pieces = wire_splice_rest(w, hdr, n_hdr, pipe, n, (size_t)sent, rest);
	if (pieces < 0 || wire_queue(w, rest, pieces, 0) < 0)
		return pieces < 0 ? pieces : -ENOMEM;
	pieces = wire_flush(w);
	return pieces == -EAGAIN ? 0 : pieces;
}

static void plain_free(struct wire *w)
{
	free(w);
}

static const char *plain_describe(const struct wire *w)
{
	(void)w;
	return "plain TCP";
}

static const struct wire_ops plain_ops = {
	.read = plain_read,
	.write = wire_send_pieces,
	.free = plain_free,
	.splice_in = plain_splice_in,
	.splice_out = plain_splice_out,
	.describe = plain_describe,
	.place = WIRE_PLAIN,
};

struct wire *wire_plain_new(struct wire_shared *sh, int fd)
{
	struct wire *w = malloc(sizeof(*w));

	if (w)
		wire_init(w, &plain_ops, sh, fd);
	return w;
}
