// SPDX-License-Identifier: GPL-2.0-or-later
// Reading where the kernel opens the records: data in bulk, everything else record by record.
#include "wire/wire_record_impl.h"

#include <errno.h>
#include <fcntl.h>

#include "wire/ktls.h"

/* Whole records, so that the kernel can decrypt each into its place. */
#define RECV_MAX     (16 * RECORD_DATA_MAX)
#define RECORD_SLOTS 5 /* that a record takes in a pipe at most; a call splices one record */
_Static_assert(RECV_MAX <= WIRE_READ_ROOM, "there is room for a receive");

/* One receive, which is data, or one record of another kind. As wire_recv(). */
static ssize_t read_once(struct wire_record *r, struct reading *rd)
{
	int type;
	ssize_t n = ktls_recv(r->w.fd, rd->out, RECV_MAX, &type);

	if (n == -EAGAIN)
		return n;
	if (n < 0 || type == 0) {
		r->w.end = n < 0 ? WIRE_RESET : WIRE_TRUNCATED;
		return 0;
	}
	wire_record_take(r, rd, type, (size_t)n, NULL, 0);
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

ssize_t wire_ktls_splice_in(struct wire *w, int pipe, unsigned slots, size_t max)
{
	size_t have = 0;

	w->more = true;
	for (; slots >= RECORD_SLOTS && have < max; slots -= RECORD_SLOTS) {
		ssize_t n = splice(w->fd, NULL, pipe, NULL, max - have,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n > 0) {
			have += (size_t)n;
			continue;
		}
		if (have > 0) /* the next call says the same */
			break;
		if (n < 0 && errno == EAGAIN)
			return -EAGAIN;
		if (n < 0 && errno == EINVAL) /* no data: an alert, a ticket, ... */
			return -EBUSY;
		w->end = n == 0 ? WIRE_TRUNCATED : WIRE_RESET;
		return 0;
	}
	return (ssize_t)have;
}
