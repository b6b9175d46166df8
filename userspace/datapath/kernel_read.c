// SPDX-License-Identifier: GPL-2.0-or-later
// Self-tests of the fast ways out of kernel TLS: into the reader's memory, and into a pipe.
#include "datapath/kernel_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/fd.h"

#define SPLICE_MAX (1 << 20) /* more than any record */

/* Kernels there were that shift what follows a padded record which is not alone in a call. */
static const struct kernel_record middle_padded[] = {
	{ RECORD_DATA, 1000, 0 },
	{ RECORD_DATA, 900, 50 },
	{ RECORD_DATA, 1100, 0 },
};
static const struct kernel_record mixed[] = {
	{ RECORD_DATA, 16384, 0 },   { RECORD_DATA, 16000, 384 }, { RECORD_DATA, 1, 255 },
	{ RECORD_HANDSHAKE, 40, 0 }, { RECORD_DATA, 1200, 0 },	  { RECORD_DATA, 8000, 200 },
	{ RECORD_DATA, 8190, 0 },
};
static const struct kernel_record longer_than_a_page[] = {
	{ RECORD_DATA, 16384, 0 },
	{ RECORD_DATA, 1000, 0 },
	{ RECORD_HANDSHAKE, 40, 0 }, /* what is lost need not be waited for */
};

/* The records lie there before the key does, so that one call meets all of them. */
static int queue_and_arm(struct kernel_bed *b, struct kernel_tls *t, struct kernel_script s)
{
	int err = kernel_put_records(b, t->pair.them, t->pair.us, &t->peer, s);

	return err ? err : kernel_arm(b, t);
}

static int no_pad(struct kernel_bed *b, struct kernel_tls *t)
{
	int err = queue_and_arm(b, t, KERNEL_SCRIPT(middle_padded));

	if (err)
		return err;
	b->doing = "TLS_RX_EXPECT_NO_PAD";
	err = ktls_expect_no_pad(t->pair.us);
	b->accepted = !err;
	if (err)
		return err;
	b->doing = "a padded record among others";
	err = kernel_ktls_recv(b, t->pair.us, KERNEL_SCRIPT(middle_padded));
	if (err)
		return err;
	b->doing = "padded records of all sizes";
	err = kernel_put_records(b, t->pair.them, -1, &t->peer, KERNEL_SCRIPT(mixed));
	return err ? err : kernel_ktls_recv(b, t->pair.us, KERNEL_SCRIPT(mixed));
}

int kernel_test_no_pad(struct kernel_bed *b)
{
	return kernel_with_tls(b, KTLS_RX, no_pad);
}

/*
 * Fills the empty pipe from a TLS socket and reads it to the end at b->plain + at. Returns the
 * bytes, -EINVAL at a control record, -EAGAIN where no record is ready, -errno.
 */
static ssize_t splice_some(int fd, const int pipe[2], uint8_t *to, size_t room)
{
	ssize_t n = splice(fd, NULL, pipe[1], NULL, SPLICE_MAX, SPLICE_F_NONBLOCK);
	ssize_t got;

	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	if ((size_t)n > room)
		return -EILSEQ;
	got = read(pipe[0], to, room);
	return got == n ? n : -EILSEQ;
}

/* Splices n bytes of data and compares them with b->want. */
static int splice_run(struct kernel_bed *b, int fd, const int pipe[2], size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = splice_some(fd, pipe, b->plain + at, n - at);

		if (got == -EAGAIN)
			got = kernel_await(b, fd, POLLIN);
		if (got < 0)
			return (int)got;
		at += (size_t)got;
	}
	return memcmp(b->plain, b->want, n) == 0 ? 0 : -EILSEQ;
}

/* Data by splice(), the others, which splice() refuses, by recvmsg(). */
static int splice_script(struct kernel_bed *b, int fd, const int pipe[2], struct kernel_script s)
{
	int err = 0;

	for (unsigned i = 0; i < s.n && !err; i++) {
		if (s.r[i].type == RECORD_DATA) {
			kernel_content(&s.r[i], b->want);
			err = splice_run(b, fd, pipe, s.r[i].len);
		} else if (splice_some(fd, pipe, b->plain, KERNEL_ROOM) != -EINVAL) {
			err = -EILSEQ;
		} else {
			err = kernel_ktls_recv(b, fd, (struct kernel_script){ &s.r[i], 1 });
		}
	}
	return err;
}

/* A pipe of one page cannot take such a record: says so where the kernel then drops the rest. */
static int short_pipe(struct kernel_bed *b, struct kernel_tls *t, const int pipe[2])
{
	const struct kernel_script s = KERNEL_SCRIPT(longer_than_a_page);
	int err = queue_and_arm(b, t, s);

	if (err || fcntl(pipe[1], F_SETPIPE_SZ, 1) < 0)
		return err;
	if (splice_script(b, t->pair.us, pipe, s) != 0)
		b->caveat = "only into an empty pipe of 16 slots: a fuller one loses data";
	return 0;
}

static int in_pipe(struct kernel_bed *b, struct kernel_tls *t,
		   int (*run)(struct kernel_bed *b, struct kernel_tls *t, const int pipe[2]))
{
	int pipe[2], err;

	b->doing = "pipe";
	if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	err = run(b, t, pipe);
	fd_close(pipe[0]);
	fd_close(pipe[1]);
	return err;
}

static int empty_pipe(struct kernel_bed *b, struct kernel_tls *t, const int pipe[2])
{
	int err = queue_and_arm(b, t, KERNEL_SCRIPT(mixed));

	if (err)
		return err;
	b->doing = "splice into an empty pipe";
	return splice_script(b, t->pair.us, pipe, KERNEL_SCRIPT(mixed));
}

static int splice_empty(struct kernel_bed *b, struct kernel_tls *t)
{
	return in_pipe(b, t, empty_pipe);
}

static int splice_short(struct kernel_bed *b, struct kernel_tls *t)
{
	return in_pipe(b, t, short_pipe);
}

int kernel_test_splice(struct kernel_bed *b)
{
	int err = kernel_with_tls(b, KTLS_RX, splice_empty);

	return err ? err : kernel_with_tls(b, KTLS_RX, splice_short);
}
