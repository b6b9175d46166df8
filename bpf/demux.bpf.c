// SPDX-License-Identifier: GPL-2.0-or-later
// Takes AnyTLS frames apart in the kernel: payload spliced into the collector goes to its stream.
//
// It runs once for each frame, and goes as far as it can. What it leaves alone it sends to a socket
// that takes nothing: the collector's splice(2) ends there, and the bytes are still in the pipe.
// It never drops (the collector would refuse everything from then on) and never passes (what was
// redirected last in the same message would get it).
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

#include "bpf/demux.h"

/* The streams' sockets by slot; no program may be attached here, or their own sends would run it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} demux_sockets SEC(".maps");

/* The socket that the program is attached to. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} demux_collector SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct demux_key);
	__type(value, __u32);
} demux_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct demux_slot);
} demux_slots SEC(".maps");

struct demux_state demux_state;

static int stop(struct sk_msg_md *msg, enum demux_why why)
{
	demux_state.why = why;
	bpf_msg_apply_bytes(msg, 0);
	return bpf_msg_redirect_map(msg, &demux_sockets, DEMUX_END, 0);
}

/*
 * Reads what is missing of the header, and leaves it in the message. Only what lies in the first
 * piece of a message can be read without a copy; another piece begins every 32 KiB.
 */
static bool peek(struct sk_msg_md *msg, struct demux_state *st)
{
	const __u8 *p = msg->data, *end = msg->data_end;

#pragma unroll
	for (unsigned i = 0; i < DEMUX_HDR_LEN; i++) {
		if (i < st->hdr_have)
			continue;
		if (p + 1 > end)
			return false;
		st->hdr[i] = *p++;
	}
	return msg->size > (__u32)DEMUX_HDR_LEN - st->hdr_have;
}

static __u32 frame_len(const struct demux_state *st)
{
	return (__u32)st->hdr[5] << 8 | st->hdr[6];
}

/* Whether the frame of hdr is one for us, and whose. */
static enum demux_why judge(const struct demux_state *st, __u32 *slot)
{
	struct demux_key key = {
		.session = st->session,
		.stream = (__u32)st->hdr[1] << 24 | (__u32)st->hdr[2] << 16 |
			  (__u32)st->hdr[3] << 8 | st->hdr[4],
	};
	const struct demux_slot *s;
	const __u32 *found;

	if (st->hdr[0] != DEMUX_PSH)
		return DEMUX_COMMAND;
	if (frame_len(st) < DEMUX_FRAME_MIN)
		return DEMUX_SHORT;
	found = bpf_map_lookup_elem(&demux_keys, &key);
	if (!found)
		return DEMUX_STREAM;
	*slot = *found;
	s = bpf_map_lookup_elem(&demux_slots, found);
	if (!s)
		return DEMUX_STREAM;
	return s->slow ? DEMUX_SLOW : DEMUX_ALL;
}

static bool pop_header(struct sk_msg_md *msg, struct demux_state *st)
{
	__u32 n = (__u32)DEMUX_HDR_LEN - st->hdr_have;

	if (n == 0)
		return true;
	if (bpf_msg_pop_data(msg, 0, n, 0) < 0)
		return false;
	st->done += n;
	st->hdr_have = DEMUX_HDR_LEN;
	st->left = frame_len(st);
	return true;
}

/*
 * Has a piece of the message end behind n bytes: the kernel sends the front of a longer piece with
 * MSG_MORE, and the end of the frame would wait up to 200 ms for more.
 */
static bool split(struct sk_msg_md *msg, struct demux_state *st, __u32 n)
{
	if (bpf_msg_push_data(msg, n, 1, 0) < 0)
		return false;
	if (bpf_msg_pop_data(msg, n, 1, 0) < 0) {
		st->done = ~0u; /* the message has a byte too many: no count of it is right */
		return false;
	}
	return true;
}

static void note(struct demux_state *st, __u32 slot, __u32 n)
{
	__u32 i = st->n_parts;

	if (i > 0 && st->parts[(i - 1) % DEMUX_PARTS].slot == slot) {
		st->parts[(i - 1) % DEMUX_PARTS].bytes += n;
	} else {
		st->parts[i % DEMUX_PARTS] = (struct demux_part){ .slot = slot, .bytes = n };
		st->n_parts = i + 1;
	}
	st->last = n;
	st->done += n;
	st->left -= n;
	if (st->left == 0)
		st->hdr_have = 0;
}

SEC("sk_msg")
int demux(struct sk_msg_md *msg)
{
	struct demux_state *st = &demux_state;
	enum demux_why why;
	__u32 slot, n;

	/* A message holds all that is left of the push. If that is not what we have left of it,
	   then the last redirect got through in part, and this is the rest; or, on kernels that
	   splice page by page, it is a page. */
	if (st->offered - msg->size != st->done)
		return stop(msg, DEMUX_PARTIAL);
	if (!peek(msg, st))
		return stop(msg, DEMUX_CUT);
	why = judge(st, &slot);
	if (why != DEMUX_ALL)
		return stop(msg, why);
	if (st->n_parts >= DEMUX_PARTS)
		return stop(msg, DEMUX_MEMORY);
	/* First, while the message is as it was. */
	if (bpf_msg_redirect_map(msg, &demux_sockets, slot, 0) != SK_PASS)
		return stop(msg, DEMUX_GONE);
	if (!pop_header(msg, st))
		return stop(msg, DEMUX_MEMORY);
	n = st->left < msg->size ? st->left : msg->size;
	if (n < msg->size && !split(msg, st, n))
		return stop(msg, DEMUX_MEMORY);
	bpf_msg_apply_bytes(msg, n);
	note(st, slot, n);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";
