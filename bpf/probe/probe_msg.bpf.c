// SPDX-License-Identifier: GPL-2.0-or-later
// Probe: an sk_msg program that sends what is written to one socket out of another.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* The socket that is written to; the program is attached to this map. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} probe_source SEC(".maps");

/* The socket that it leaves by; no program here, so its own traffic is as ever. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} probe_target SEC(".maps");

__u64 runs, bytes;

SEC("sk_msg")
int redirect(struct sk_msg_md *msg)
{
	__u32 key = 0;

	runs++;
	bytes += msg->size;
	return bpf_msg_redirect_hash(msg, &probe_target, &key, 0);
}

char _license[] SEC("license") = "GPL";
