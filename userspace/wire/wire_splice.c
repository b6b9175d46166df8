// SPDX-License-Identifier: GPL-2.0-or-later
// Data between a wire's socket and a pipe, past userspace; what the socket does not take is queued.
#include "wire/wire_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

bool wire_splices_in(const struct wire *w)
{
	enum wire_place tx, rx;

	wire_places(w, &tx, &rx);
	return rx == WIRE_PLAIN || rx == WIRE_KERNEL;
}

bool wire_splices_out(const struct wire *w)
{
	enum wire_place tx, rx;

	wire_places(w, &tx, &rx);
	return (tx == WIRE_PLAIN || tx == WIRE_KERNEL) && w->out.len == 0 && !w->fin_due;
}

ssize_t wire_splice_in(struct wire *w, int pipe, unsigned slots, size_t max)
{
	return w->end == WIRE_OPEN ? w->ops->splice_in(w, pipe, slots, max) : 0;
}

int wire_splice_out(struct wire *w, const void *hdr, size_t n_hdr, int pipe, size_t n)
{
	return w->ops->splice_out(w, hdr, n_hdr, pipe, n);
}

ssize_t wire_splice_lose(int pipe, size_t n, ssize_t err)
{
	uint8_t waste[4096];

	while (n > 0) {
		ssize_t got = read(pipe, waste, n < sizeof(waste) ? n : sizeof(waste));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n -= (size_t)got;
	}
	return err;
}

ssize_t wire_splice_some(int fd, const void *hdr, size_t n_hdr, int pipe, size_t n)
{
	size_t sent = 0;
	ssize_t took = send(fd, hdr, n_hdr, (n > 0 ? MSG_MORE : 0) | MSG_NOSIGNAL);

	if (took < 0 && errno != EAGAIN && errno != EINTR)
		return wire_splice_lose(pipe, n, -errno);
	if (took != (ssize_t)n_hdr)
		return took < 0 ? 0 : took;
	/* without SPLICE_F_MORE: kernel TLS would keep an unfinished record until the next write */
	while (sent < n) {
		took = splice(pipe, NULL, fd, NULL, n - sent, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (took < 0 && errno == EINTR)
			continue;
		if (took < 0 && errno != EAGAIN)
			return wire_splice_lose(pipe, n - sent, -errno);
		if (took <= 0)
			break;
		sent += (size_t)took;
	}
	return (ssize_t)(n_hdr + sent);
}

int wire_splice_rest(struct wire *w, const void *hdr, size_t n_hdr, int pipe, size_t n, size_t sent,
		     struct iovec iov[static 2])
{
	size_t hdr_left = sent < n_hdr ? n_hdr - sent : 0;
	size_t left = n_hdr + n - sent - hdr_left, have = 0;

	while (have < left) {
		ssize_t got = read(pipe, w->sh->gather + have, left - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EIO;
		have += (size_t)got;
	}
	iov[0] = (struct iovec){ (uint8_t *)hdr + n_hdr - hdr_left, hdr_left };
	iov[1] = (struct iovec){ w->sh->gather, left };
	return 2;
}
