// SPDX-License-Identifier: GPL-2.0-or-later
// The demux as its users see it: streams in and out, and pushing a session's frames.
#include "datapath/demux_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

static bool sigpipe_is_ignored(void)
{
	struct sigaction now;

	return sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* The lowest slot is given out first. */
static int list_free_slots(struct demux *d)
{
	d->n_free = d->k.n_slots - 1;
	d->free = calloc(d->n_free, sizeof(*d->free));
	if (!d->free)
		return -ENOMEM;
	for (unsigned i = 0; i < d->n_free; i++)
		d->free[i] = d->k.n_slots - 1 - i;
	return 0;
}

int demux_new(struct demux **ret, unsigned streams, char *why, size_t why_len)
{
	struct demux *d;
	int err;

	if (!sigpipe_is_ignored() || streams == 0 || streams == UINT32_MAX) {
		snprintf(why, why_len, "SIGPIPE is not ignored, or room for no streams");
		return -EINVAL;
	}
	d = calloc(1, sizeof(*d));
	err = d ? demux_kernel_load(&d->k, streams + 1, why, why_len) : -ENOMEM;
	if (!err)
		err = list_free_slots(d);
	if (err == -ENOMEM)
		snprintf(why, why_len, "%s", strerror(ENOMEM));
	if (!err)
		err = demux_try(d, why, why_len);
	if (err) {
		demux_free(d);
		return err;
	}
	*ret = d;
	return 0;
}

void demux_free(struct demux *d)
{
	if (!d)
		return;
	demux_kernel_unload(&d->k);
	free(d->free);
	free(d);
}

/* The kernel takes other sockets into a map as well, and some even those with TLS. */
static bool is_plain_tcp(int fd)
{
	int protocol = 0;
	char ulp[16];
	socklen_t len = sizeof(protocol), ulp_len = sizeof(ulp);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0 || protocol != IPPROTO_TCP)
		return false;
	return getsockopt(fd, SOL_TCP, TCP_ULP, ulp, &ulp_len) == 0 && ulp_len == 0;
}

static struct demux_key key_of(uint64_t session, uint32_t stream)
{
	return (struct demux_key){ .session = session, .stream = stream };
}

int demux_add(struct demux *d, uint64_t session, uint32_t stream, int fd, unsigned *ret_slot)
{
	struct demux_key key = key_of(session, stream);
	__u32 slot;
	int err;

	if (!is_plain_tcp(fd))
		return -EINVAL;
	if (d->n_free == 0)
		return -ENOSPC;
	slot = d->free[d->n_free - 1];
	d->k.slots[slot] = (struct demux_slot){ .session = session, .stream = stream };
	if (bpf_map_update_elem(d->k.keys, &key, &slot, BPF_NOEXIST) < 0)
		return -errno;
	err = demux_kernel_put(d->k.sockets, slot, fd);
	if (err) {
		bpf_map_delete_elem(d->k.keys, &key);
		return err;
	}
	d->n_free--;
	*ret_slot = slot;
	return 0;
}

void demux_remove(struct demux *d, unsigned slot)
{
	struct demux_slot *s = &d->k.slots[slot];
	struct demux_key key = key_of(s->session, s->stream);

	bpf_map_delete_elem(d->k.keys, &key);
	bpf_map_delete_elem(d->k.sockets, &slot); /* unless it was closed, and left by itself */
	*s = (struct demux_slot){ 0 };
	d->free[d->n_free++] = slot;
}

void demux_slow(struct demux *d, unsigned slot, bool slow)
{
	d->k.slots[slot].slow = slow;
}

static void offer(struct demux_state *st, uint64_t session, const struct demux_pos *pos, size_t n)
{
	st->session = session;
	st->offered = (__u32)n;
	st->done = 0;
	st->last = 0;
	st->left = pos->hdr_have == DEMUX_HDR_LEN ? pos->left : 0;
	memcpy(st->hdr, pos->hdr, sizeof(st->hdr));
	st->hdr_have = pos->hdr_have;
	st->why = DEMUX_ALL;
	st->n_parts = 0;
}

/*
 * The program counts what it redirects; the kernel's count is what got through. They differ where
 * the last socket took the last redirect in part. Returns false where they cannot both be right.
 */
static bool settle(struct demux_state *st, size_t taken)
{
	__u32 short_by = st->done - (__u32)taken;

	if (taken > st->done || short_by > st->last)
		return false;
	if (short_by == 0)
		return true;
	st->hdr_have = DEMUX_HDR_LEN; /* the frame may have been over */
	st->left += short_by;
	st->parts[st->n_parts - 1].bytes -= short_by;
	st->why = DEMUX_PARTIAL;
	return true;
}

static void report(struct demux *d, struct demux_pos *pos, size_t taken, struct demux_pushed *ret)
{
	const struct demux_state *st = d->k.state;

	memcpy(pos->hdr, st->hdr, sizeof(pos->hdr));
	pos->hdr_have = st->hdr_have;
	pos->left = st->left;
	ret->taken = taken;
	ret->why = st->why;
	ret->n = 0;
	for (unsigned i = 0; i < st->n_parts; i++) {
		if (st->parts[i].bytes == 0)
			continue;
		ret->parts[ret->n++] = st->parts[i];
		d->k.slots[st->parts[i].slot].bytes += st->parts[i].bytes;
	}
}

/* Whether the collector itself is to blame; the streams' sockets give any other error. */
static bool is_broken(const struct demux_state *st, int err)
{
	bool ran = st->done > 0 || st->why != DEMUX_ALL;

	return err == EACCES || (err != 0 && err != EAGAIN && err != EINTR && !ran);
}

int demux_push(struct demux *d, uint64_t session, struct demux_pos *pos, int pipe_rd, size_t n,
	       struct demux_pushed *ret)
{
	struct demux_state *st = d->k.state;
	ssize_t taken;
	int err;

	offer(st, session, pos, n < DEMUX_PUSH_MAX ? n : DEMUX_PUSH_MAX);
	taken = splice(pipe_rd, NULL, d->k.collector, NULL, st->offered, SPLICE_F_NONBLOCK);
	err = taken < 0 ? errno : 0;
	if (taken < 0)
		taken = 0;
	if (is_broken(st, err))
		demux_kernel_renew(&d->k);
	if (!settle(st, (size_t)taken)) {
		demux_kernel_renew(&d->k);
		return -EIO;
	}
	if (st->why == DEMUX_ALL && (size_t)taken < st->offered)
		st->why = DEMUX_MEMORY;
	report(d, pos, (size_t)taken, ret);
	return 0;
}
