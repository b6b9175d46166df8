// SPDX-License-Identifier: GPL-2.0-or-later
// Probe: a program that answers through memory which userspace has mapped.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 asked, answer; /* an array that is mapped, as the state that workers show */

SEC("socket")
int answer_once(struct __sk_buff *skb)
{
	(void)skb;
	answer = asked + 1;
	return 0;
}

char _license[] SEC("license") = "GPL";
