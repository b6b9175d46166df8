// SPDX-License-Identifier: GPL-2.0-or-later
// Self-tests of sk_msg: what is written to one socket leaves by another; by send(), and by
// splice().
#include "datapath/kernel_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include "base/fd.h"
#include "bpf/probe_msg.skel.h"

#define PIECES	    4096 /* what a pipe's slot holds at least */
#define SPLICED	    (4 * PIECES)
#define BEHIND	    77 /* bytes that the target's own peer sends */
#define LONGEST_MSG 40000

/* Two plain connections, of which the kernel joins `source.us` to `target.us`. Never TLS sockets.
 */
struct redirect {
	struct probe_msg *skel;
	struct kernel_pair source, target;
};

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 131 + i / 251 + n);
}

static int put_in_map(const struct bpf_map *map, int fd)
{
	const uint64_t value = (uint64_t)fd;
	const uint32_t first = 0;

	return bpf_map_update_elem(bpf_map__fd(map), &first, &value, BPF_ANY);
}

static int join(struct kernel_bed *b, struct redirect *r)
{
	int err;

	b->doing = "loading sk_msg";
	r->skel = probe_msg__open_and_load();
	if (!r->skel)
		return -errno;
	b->doing = "attaching sk_msg";
	err = bpf_prog_attach(bpf_program__fd(r->skel->progs.redirect),
			      bpf_map__fd(r->skel->maps.probe_source), BPF_SK_MSG_VERDICT, 0);
	if (err)
		return err;
	b->doing = "connection";
	err = kernel_pair_open(b, &r->source);
	if (!err)
		err = kernel_pair_open(b, &r->target);
	if (err)
		return err;
	b->doing = "socket in a sockmap";
	err = put_in_map(r->skel->maps.probe_source, r->source.us);
	if (!err)
		err = put_in_map(r->skel->maps.probe_target, r->target.us);
	if (!err)
		b->accepted = true;
	return err;
}

static int with_redirect(struct kernel_bed *b, int (*run)(struct kernel_bed *b, struct redirect *r))
{
	struct redirect r = { .source = KERNEL_NO_PAIR, .target = KERNEL_NO_PAIR };
	int err = join(b, &r);

	if (!err)
		err = run(b, &r);
	kernel_pair_close(&r.source);
	kernel_pair_close(&r.target);
	probe_msg__destroy(r.skel);
	return err;
}

/* n bytes of b->want have been written at the source. */
static int expect_at_target(struct kernel_bed *b, struct redirect *r, size_t n)
{
	int err = kernel_recv(b, r->target.them, b->plain, n);

	if (!err && memcmp(b->plain, b->want, n) != 0)
		err = -EILSEQ;
	return err;
}

/* The target's other direction, which has no part in it. */
static int talk_back(struct kernel_bed *b, struct redirect *r)
{
	int err;

	fill(b->want, BEHIND);
	err = kernel_send(b, r->target.them, b->want, BEHIND);
	if (!err)
		err = kernel_recv(b, r->target.us, b->plain, BEHIND);
	return !err && memcmp(b->plain, b->want, BEHIND) != 0 ? -EILSEQ : err;
}

static int redirect_sends(struct kernel_bed *b, struct redirect *r)
{
	static const size_t sizes[] = { 1000, LONGEST_MSG, 7 };
	uint64_t sum = 0;
	uint8_t byte;
	int err = 0;

	b->doing = "redirected bytes";
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !err; i++) {
		fill(b->want, sizes[i]);
		err = kernel_send(b, r->source.us, b->want, sizes[i]);
		if (!err)
			err = expect_at_target(b, r, sizes[i]);
		sum += sizes[i];
	}
	if (err)
		return err;
	b->doing = "bytes at the source's own peer";
	if (recv(r->source.them, &byte, 1, 0) >= 0 || r->skel->bss->bytes != sum)
		return -EILSEQ;
	b->doing = "the target's own peer";
	return talk_back(b, r);
}

int kernel_test_sk_msg(struct kernel_bed *b)
{
	return with_redirect(b, redirect_sends);
}

/* SPLICED bytes from a pipe, in slots of a page each. */
static int splice_all(struct kernel_bed *b, int fd, const int pipe[2])
{
	size_t at = 0;

	fill(b->want, SPLICED);
	for (size_t k = 0; k < SPLICED; k += PIECES)
		if (write(pipe[1], b->want + k, PIECES) != PIECES)
			return -EIO;
	while (at < SPLICED) {
		ssize_t n = splice(pipe[0], NULL, fd, NULL, SPLICED - at, SPLICE_F_NONBLOCK);

		if (n <= 0)
			return n < 0 ? -errno : -EILSEQ;
		at += (size_t)n;
	}
	(void)b;
	return 0;
}

/*
 * A program that counts its place in a stream must be run once for what a splice() brings. Where
 * the kernel runs it page by page it cannot know how much of the splice is still to come.
 */
static int redirect_splice(struct kernel_bed *b, struct redirect *r)
{
	int pipe[2], err;

	b->doing = "pipe";
	if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	b->doing = "spliced bytes";
	err = splice_all(b, r->source.us, pipe);
	if (!err)
		err = expect_at_target(b, r, SPLICED);
	fd_close(pipe[0]);
	fd_close(pipe[1]);
	if (err)
		return err;
	b->doing = "a run of the program for each page";
	b->accepted = false; /* it is no defect */
	return r->skel->bss->runs == 1 ? 0 : -EOPNOTSUPP;
}

int kernel_test_sk_msg_splice(struct kernel_bed *b)
{
	return with_redirect(b, redirect_splice);
}
