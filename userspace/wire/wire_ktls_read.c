// SPDX-License-Identifier: GPL-2.0-or-later
// Reading where the kernel opens the records: data in bulk, everything else record by record.
#include "wire/wire_record_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "wire/ktls.h"

/* Whole records, so that the kernel can decrypt each into its place. */
#define RECV_MAX     (16 * RECORD_DATA_MAX)
#define RECORD_SLOTS 5 /* that a record takes in a pipe at most; a call splices one record */
_Static_assert(RECV_MAX <= WIRE_READ_ROOM, "there is room for a receive");

/* What is no record is answered as if we had read it. */
static void read_failed(struct wire_record *r, int err)
{
	int pending;
	socklen_t len = sizeof(pending);

	if (err != -EBADMSG && err != -EMSGSIZE && err != -EINVAL) {
		r->w.end = WIRE_RESET;
		return;
	}
	/* the kernel keeps the error for whoever sends next */
	getsockopt(r->w.fd, SOL_SOCKET, SO_ERROR, &pending, &len);
	wire_record_fail(r, err == -EBADMSG    ? ALERT_BAD_RECORD_MAC
			    : err == -EMSGSIZE ? ALERT_RECORD_OVERFLOW
					       : ALERT_PROTOCOL_VERSION);
}

/* Whether TLS knows it; what is no data has content. */
static bool is_good(int type, size_t n)
{
	return type == RECORD_DATA || (n > 0 && (type == RECORD_HANDSHAKE || type == RECORD_ALERT));
}

/* One receive, which is data, or one record of another kind. As wire_recv(). */
static ssize_t read_once(struct wire_record *r, struct reading *rd)
{
	int type;
	ssize_t n = ktls_recv(r->w.fd, rd->out, RECV_MAX, &type);

	if (n == -EAGAIN)
		return n;
	if (n < 0) {
		read_failed(r, (int)n);
		return 0;
	}
	if (type == 0) {
		r->w.end = WIRE_TRUNCATED;
		return 0;
	}
	if (is_good(type, (size_t)n))
		wire_record_take(r, rd, type, (size_t)n, NULL, 0);
	else
		wire_record_fail(r, ALERT_UNEXPECTED_MESSAGE);
	return n + RECORD_OVERHEAD;
}

ssize_t wire_ktls_read(struct wire *w, uint8_t *p)
{
	struct wire_record *r = wire_record_of(w);
	struct reading rd = { .out = p };
	ssize_t got;

	/* a receive ends before what is no data, so a short one is no sign of an empty socket */
	w->more = true;
	do {
		got = read_once(r, &rd);
		r->barren = rd.used > 0 ? 0 : r->barren + (got > 0 ? (uint32_t)got : 0);
		if (r->barren > WIRE_BARREN_MAX)
			w->end = WIRE_RESET;
	} while (got > 0 && rd.used == 0 && w->end == WIRE_OPEN);
	if (rd.used > 0)
		return (ssize_t)rd.used;
	return got == -EAGAIN ? -EAGAIN : 0;
}

static ssize_t splice_once(int fd, int pipe, size_t max)
{
	ssize_t n;

	do {
		n = splice(fd, NULL, pipe, NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* Why a splice() gave nothing; as wire_ktls_splice_in(). */
static ssize_t splice_failed(struct wire_record *r, int err)
{
	if (err == EAGAIN)
		return -EAGAIN;
	/* A record that is no data, an empty one, FIN, what is no record: a receive tells which.
	 * A socket's own error is told only once, and this was it. */
	if (err == 0 || err == EINVAL || err == EBADMSG || err == EMSGSIZE)
		return -EBUSY;
	r->w.end = WIRE_RESET;
	return 0;
}

ssize_t wire_ktls_splice_in(struct wire *w, int pipe, unsigned slots, size_t max)
{
	struct wire_record *r = wire_record_of(w);
	size_t have = 0;
	ssize_t none = 0;

	w->more = true;
	if (post_handshake_midway(&r->post)) /* data is wrong now */
		return -EBUSY;
	for (; slots >= RECORD_SLOTS && have < max && none == 0 && w->end == WIRE_OPEN;
	     slots -= RECORD_SLOTS) {
		ssize_t n = splice_once(w->fd, pipe, max - have);

		if (n > 0)
			have += (size_t)n;
		else
			none = splice_failed(r, n < 0 ? errno : 0);
	}
	if (have == 0)
		return none;
	r->barren = 0;
	r->empties = r->warnings = 0;
	return (ssize_t)have;
}
