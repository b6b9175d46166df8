// SPDX-License-Identifier: GPL-2.0-or-later
// A session on plain TCP: an inbound without TLS, behind somebody else's.
#include "wire/wire_impl.h"

#include <stdlib.h>
#include <string.h>

static ssize_t plain_read(struct wire *w, uint8_t *p)
{
	ssize_t n = wire_recv(w, p, WIRE_READ_ROOM);

	if (w->end == WIRE_TRUNCATED)
		w->end = WIRE_CLOSED; /* a FIN is all the farewell there is */
	return n;
}

static int plain_write(struct wire *w, const struct iovec *iov, int n, size_t total,
		       enum wire_push push)
{
	size_t used = 0;

	if (n == 1)
		return wire_send(w, iov[0].iov_base, total, push);
	for (int i = 0; i < n; i++) {
		memcpy(w->sh->gather + used, iov[i].iov_base, iov[i].iov_len);
		used += iov[i].iov_len;
	}
	return wire_send(w, w->sh->gather, used, push);
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
	.write = plain_write,
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
