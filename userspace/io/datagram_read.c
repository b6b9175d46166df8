// SPDX-License-Identifier: GPL-2.0-or-later
// Reading many datagrams with one system call.
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "io/datagram.h"
#include "io/original.h"

#define DATA_MAX 65535
/* Not a multiple of a page: the first lines of all datagrams would share few sets of the cache. */
#define STRIDE (65536 + 320)

struct datagrams {
	struct mmsghdr msg[DATAGRAMS_MAX];
	struct iovec iov[DATAGRAMS_MAX];
	union sockaddr_any from[DATAGRAMS_MAX];
	union {
		uint8_t bytes[ORIGINAL_CONTROL];
		struct cmsghdr align;
	} control[DATAGRAMS_MAX];
	uint8_t *data;
	int used;      /* so many of the first were written to by the last read */
	bool original; /* they are laid out for that */
};

struct datagrams *datagrams_new(void)
{
	struct datagrams *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->data = malloc(DATAGRAMS_MAX * STRIDE);
	if (!d->data) {
		free(d);
		return NULL;
	}
	d->used = DATAGRAMS_MAX;
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		d->iov[i] = (struct iovec){ d->data + i * STRIDE, DATA_MAX };
		d->msg[i].msg_hdr.msg_iov = &d->iov[i];
		d->msg[i].msg_hdr.msg_iovlen = 1;
		d->msg[i].msg_hdr.msg_name = &d->from[i];
	}
	return d;
}

void datagrams_free(struct datagrams *d)
{
	if (!d)
		return;
	free(d->data);
	free(d);
}

/* Only what the last read has changed: most bring one datagram. */
static void prepare(struct datagrams *d, bool original)
{
	int n = d->original == original ? d->used : DATAGRAMS_MAX;

	d->original = original;
	for (int i = 0; i < n; i++) {
		struct msghdr *m = &d->msg[i].msg_hdr;

		m->msg_namelen = sizeof(d->from[i]);
		m->msg_control = original ? d->control[i].bytes : NULL;
		m->msg_controllen = original ? ORIGINAL_CONTROL : 0;
	}
}

static void take(struct datagrams *d, int i, bool original, struct datagram *ret)
{
	struct msghdr *m = &d->msg[i].msg_hdr;

	ret->from = d->from[i];
	sockaddr_unmap(&ret->from);
	if (!original || original_of_datagram(m, &ret->to) < 0)
		ret->to.sa.sa_family = AF_UNSPEC;
	ret->data = d->iov[i].iov_base;
	ret->n = d->msg[i].msg_len;
	ret->cut = m->msg_flags & MSG_TRUNC;
}

int datagrams_read(struct datagrams *d, int fd, bool original,
		   struct datagram ret[static DATAGRAMS_MAX])
{
	int n;

	prepare(d, original);
	do {
		n = recvmmsg(fd, d->msg, DATAGRAMS_MAX, MSG_DONTWAIT, NULL);
	} while (n < 0 && errno == EINTR);
	d->used = n < 0 ? DATAGRAMS_MAX : n;
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	for (int i = 0; i < n; i++)
		take(d, i, original, &ret[i]);
	return n;
}
