// SPDX-License-Identifier: GPL-2.0-or-later
// Scripts of TLS records: made and checked in userspace at one end, by the kernel at the other.
#include "datapath/kernel_impl.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

/* RFC 8446, 4.6.3. The kernel looks for it in what it opens. */
static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };

void kernel_content(const struct kernel_record *r, uint8_t *out)
{
	for (unsigned k = 0; k < r->len; k++)
		out[k] = (uint8_t)(k * 131 + k / 251 + r->len * 17 + 1);
	if (r->type == RECORD_HANDSHAKE && r->len == sizeof(key_update))
		memcpy(out, key_update, sizeof(key_update));
}

/* Seals a record at out; padding is zeros behind the type, which record_seal() puts last. */
static ssize_t seal(struct kernel_bed *b, struct record_dir *tx, const struct kernel_record *r,
		    uint8_t *out)
{
	uint8_t inner[RECORD_DATA_MAX + 1] = { 0 };
	struct iovec iov = { inner, (size_t)r->len + r->pad };
	struct record_src src = { &iov, 0 };

	kernel_content(r, inner);
	inner[r->len] = (uint8_t)r->type;
	return record_seal(&b->rc, tx, (enum record_type)inner[iov.iov_len], &src, iov.iov_len,
			   out);
}

/* Until n bytes can be read at a socket without TLS. */
static int await_bytes(struct kernel_bed *b, int fd, size_t n)
{
	int there = 0;

	while (ioctl(fd, FIONREAD, &there) == 0) {
		int err;

		if ((size_t)there >= n)
			return 0;
		/* they cross loopback in the sender's own call; only a busy machine gets here */
		err = kernel_await(b, fd, POLLIN);
		if (err)
			return err;
	}
	return -errno;
}

int kernel_put_records(struct kernel_bed *b, int from, int to, struct record_dir *tx,
		       struct kernel_script s)
{
	size_t n = 0;
	int err;

	for (unsigned i = 0; i < s.n; i++) {
		ssize_t len = seal(b, tx, &s.r[i], b->sealed + n);

		if (len < 0)
			return (int)len;
		n += (size_t)len;
	}
	err = kernel_send(b, from, b->sealed, n);
	return err || to < 0 ? err : await_bytes(b, to, n);
}

int kernel_get_records(struct kernel_bed *b, int fd, struct record_dir *rx, struct kernel_script s)
{
	for (unsigned i = 0; i < s.n; i++) {
		const size_t body = (size_t)s.r[i].len + RECORD_OVERHEAD - RECORD_HDR_LEN;
		size_t n = 0;
		int err = kernel_recv(b, fd, b->sealed, RECORD_HDR_LEN);

		if (err)
			return err;
		if (record_body_len(b->sealed) != (int)body)
			return -EILSEQ;
		err = kernel_recv(b, fd, b->sealed + RECORD_HDR_LEN, body);
		if (err)
			return err;
		kernel_content(&s.r[i], b->want);
		if (record_open(&b->rc, rx, b->sealed, b->plain, &n) != (int)s.r[i].type ||
		    n != s.r[i].len || memcmp(b->plain, b->want, n) != 0)
			return -EILSEQ;
	}
	return 0;
}

static int ktls_send_all(struct kernel_bed *b, int fd, enum record_type type, size_t n)
{
	size_t at = 0;

	while (at < n) {
		struct iovec iov = { b->plain + at, n - at };
		ssize_t sent = ktls_send(fd, type, &iov, 1, 0);
		int err = 0;

		if (sent < 0)
			err = sent == -EAGAIN ? kernel_await(b, fd, POLLOUT) : (int)sent;
		if (err)
			return err;
		if (sent > 0)
			at += (size_t)sent;
	}
	return 0;
}

int kernel_ktls_send(struct kernel_bed *b, int fd, struct kernel_script s)
{
	int err = 0;

	for (unsigned i = 0; i < s.n && !err; i++) {
		kernel_content(&s.r[i], b->plain);
		err = ktls_send_all(b, fd, s.r[i].type, s.r[i].len);
	}
	return err;
}

/* Receives what comes next, of this type and at most `n` bytes long. */
static ssize_t receive_some(struct kernel_bed *b, int fd, enum record_type type, size_t at,
			    size_t n)
{
	int type_got = 0;
	ssize_t got;

	for (;;) {
		got = ktls_recv(fd, b->plain + at, KERNEL_ROOM - at, &type_got);
		if (got != -EAGAIN)
			break;
		got = kernel_await(b, fd, POLLIN);
		if (got < 0)
			return got;
	}
	if (got == 0)
		return -ECONNRESET;
	if (got > 0 && (type_got != (int)type || (size_t)got > n))
		return -EILSEQ;
	return got;
}

/* Receives n bytes of a type, in any pieces, and compares them with b->want. */
static int receive_run(struct kernel_bed *b, int fd, enum record_type type, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = receive_some(b, fd, type, at, n - at);

		if (got < 0)
			return (int)got;
		at += (size_t)got;
	}
	return memcmp(b->plain, b->want, n) == 0 ? 0 : -EILSEQ;
}

int kernel_ktls_recv(struct kernel_bed *b, int fd, struct kernel_script s)
{
	int err = 0;

	for (unsigned i = 0; i < s.n && !err;) {
		const enum record_type type = s.r[i].type;
		size_t n = 0;

		/* records of data lie behind one another; each of the others comes alone */
		do {
			kernel_content(&s.r[i], b->want + n);
			n += s.r[i++].len;
		} while (type == RECORD_DATA && i < s.n && s.r[i].type == RECORD_DATA);
		err = receive_run(b, fd, type, n);
	}
	return err;
}
