// SPDX-License-Identifier: GPL-2.0-or-later
// Probe: an sk_lookup program that gives every packet to the one listener in its map.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} probe_listener SEC(".maps");

SEC("sk_lookup")
int give_to_listener(struct bpf_sk_lookup *ctx)
{
	const __u32 first = 0;
	struct bpf_sock *sk = bpf_map_lookup_elem(&probe_listener, &first);
	long err;

	if (!sk)
		return SK_DROP;
	err = bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return err ? SK_DROP : SK_PASS;
}

char _license[] SEC("license") = "GPL";
