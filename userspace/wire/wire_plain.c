// SPDX-License-Identifier: GPL-2.0-or-later
// A session on plain TCP: an inbound without TLS, behind somebody else's.
#include "wire/wire_impl.h"

#include <stdlib.h>

static ssize_t plain_read(struct wire *w, uint8_t *p)
{
	ssize_t n = wire_recv(w, p, WIRE_READ_ROOM);

	if (w->end == WIRE_TRUNCATED)
		w->end = WIRE_CLOSED; /* a FIN is all the farewell there is */
	return n;
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
	.describe = plain_describe,
};

struct wire *wire_plain_new(struct wire_shared *sh, int fd)
{
	struct wire *w = malloc(sizeof(*w));

	if (w)
		wire_init(w, &plain_ops, sh, fd);
	return w;
}
