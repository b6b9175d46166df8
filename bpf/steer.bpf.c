// SPDX-License-Identifier: GPL-2.0-or-later
// Gives what is captured, and a server's ports, to the workers' listeners (sk_lookup).
//
// It runs where the kernel finds no established or connected socket for a packet: for a
// connection's first one, and for datagrams to unconnected sockets. What is for an own address and
// for no server's port is never touched, so the machine's own services stay what they are. What is
// captured and cannot be given away is dropped: passed on, a service of the machine that listens on
// all addresses would get it.
#include <linux/bpf.h>
#include <linux/in.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/steer.h"

#define AF_INET 2

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, STEER_SOCKETS);
	__type(key, __u32);
	__type(value, __u64);
} steer_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_INTERFACES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct steer_interface);
} steer_ifaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STEER_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct steer_prefix);
	__type(value, __u32);
} steer_own SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STEER_PREFIXES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct steer_target);
	__type(value, __u32);
} steer_targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_port_table);
} steer_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEER_SLOTS);
	__type(key, __u32);
	__type(value, struct steer_slot);
} steer_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_state);
} steer_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_counters);
} steer_counts SEC(".maps");

/* The element of a map that has one. */
#define ONLY(map)                                                                                  \
	({                                                                                         \
		__u32 zero_ = 0;                                                                   \
		bpf_map_lookup_elem(&(map), &zero_);                                               \
	})

enum given { GIVEN, NOBODY, REFUSED };

static void read_flow(const struct bpf_sk_lookup *ctx, struct steer_flow *f)
{
	if (ctx->family == AF_INET) {
		f->from[0] = f->from[1] = f->to[0] = f->to[1] = 0;
		f->from[2] = f->to[2] = bpf_htonl(0xffff);
		f->from[3] = ctx->remote_ip4;
		f->to[3] = ctx->local_ip4;
		/* Or the compiler makes one load of the two branches', by a computed pointer into
		 * ctx, which the verifier refuses. */
		barrier();
	} else {
		f->from[0] = ctx->remote_ip6[0];
		f->from[1] = ctx->remote_ip6[1];
		f->from[2] = ctx->remote_ip6[2];
		f->from[3] = ctx->remote_ip6[3];
		f->to[0] = ctx->local_ip6[0];
		f->to[1] = ctx->local_ip6[1];
		f->to[2] = ctx->local_ip6[2];
		f->to[3] = ctx->local_ip6[3];
	}
	f->from_port = bpf_ntohs(ctx->remote_port);
	f->to_port = (__u16)ctx->local_port;
}

static bool is_own(const __u32 *ip)
{
	struct steer_prefix key = { .len = 128 };

	__builtin_memcpy(key.ip, ip, sizeof(key.ip));
	return bpf_map_lookup_elem(&steer_own, &key);
}

static bool is_target(__u32 slot, const __u32 *ip)
{
	struct steer_target key = { .len = 160, .slot = slot };

	__builtin_memcpy(key.ip, ip, sizeof(key.ip));
	return bpf_map_lookup_elem(&steer_targets, &key);
}

/* The listeners share a port, and the kernel would choose another one of them by its own hash. */
static enum given give(struct bpf_sk_lookup *ctx, __u32 at, __u32 protocol, __u64 hash)
{
	const struct steer_slot *slot = bpf_map_lookup_elem(&steer_slots, &at);
	struct bpf_sock *sk;
	__u32 i;
	long err;

	if (!slot)
		return NOBODY;
	i = STEER_SOCKET(at, protocol, steer_pick(hash, slot->workers));
	sk = bpf_map_lookup_elem(&steer_sockets, &i);
	if (!sk)
		return NOBODY;
	err = bpf_sk_assign(ctx, sk, BPF_SK_LOOKUP_F_NO_REUSEPORT);
	bpf_sk_release(sk);
	return err ? REFUSED : GIVEN;
}

static bool serves(__u32 at, const __u32 *ip)
{
	const struct steer_slot *slot = bpf_map_lookup_elem(&steer_slots, &at);

	if (!slot)
		return false;
	return slot->anywhere ? is_own(ip) : is_target(at, ip);
}

static enum given give_to_server(struct bpf_sk_lookup *ctx, const struct steer_flow *f)
{
	const struct steer_port_table *ports = ONLY(steer_ports);
	__u32 slots = ports ? ports->slots[f->to_port] : 0;

	if (!slots)
		return NOBODY;
	for (__u32 at = 0; at < STEER_SLOTS; at++)
		if ((slots & 1U << at) && serves(at, f->to))
			return give(ctx, at, STEER_TCP, steer_hash_tcp(f));
	return NOBODY;
}

/* Nobody said yet which interfaces are captured: then all are, and nobody listens. */
static int not_captured(const struct steer_flow *f, bool other_protocol, struct steer_counters *c)
{
	const struct steer_state *state = ONLY(steer_state);

	if (other_protocol || !state || state->told) {
		c->elsewhere++;
		return SK_PASS;
	}
	if (is_own(f->to)) {
		c->own++;
		return SK_PASS;
	}
	c->no_listener++;
	return SK_DROP;
}

static int capture(struct bpf_sk_lookup *ctx, const struct steer_flow *f, bool tcp,
		   struct steer_counters *c)
{
	__u32 ifindex = ctx->ingress_ifindex;
	const struct steer_interface *at = bpf_map_lookup_elem(&steer_ifaces, &ifindex);
	enum given given;

	if (!at || !(tcp ? at->tcp : at->udp))
		return not_captured(f, at, c);
	if (is_own(f->to)) {
		c->own++;
		return SK_PASS;
	}
	/* For IPv4 the kernel has dropped it as martian, for IPv6 it does not look. */
	if (!at->local && is_own(f->from)) {
		c->loops++;
		return SK_DROP;
	}
	given = tcp ? give(ctx, at->slot, STEER_TCP, steer_hash_tcp(f))
		    : give(ctx, at->slot, STEER_UDP, steer_hash_udp(f));
	c->captured_tcp += given == GIVEN && tcp;
	c->captured_udp += given == GIVEN && !tcp;
	c->no_listener += given == NOBODY;
	c->failed += given == REFUSED;
	return given == GIVEN ? SK_PASS : SK_DROP;
}

SEC("sk_lookup")
int steer(struct bpf_sk_lookup *ctx)
{
	struct steer_counters *c = ONLY(steer_counts);
	bool tcp = ctx->protocol == IPPROTO_TCP;
	struct steer_flow f;
	enum given given;

	if (!c)
		return SK_DROP;
	if (ctx->sk) { /* another program has chosen */
		c->elsewhere++;
		return SK_PASS;
	}
	read_flow(ctx, &f);
	given = tcp ? give_to_server(ctx, &f) : NOBODY;
	if (given == NOBODY)
		return capture(ctx, &f, tcp, c);
	c->steered += given == GIVEN;
	c->failed += given == REFUSED;
	return given == GIVEN ? SK_PASS : SK_DROP;
}

char LICENSE[] SEC("license") = "GPL";
