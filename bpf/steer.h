/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sk_lookup program and the daemon share: its maps' keys, values and counters. */
#ifndef BPF_STEER_H
#define BPF_STEER_H

#ifdef __bpf__
#include <linux/types.h>
#else
#include <stdint.h>
#endif
#include <linux/types.h>

#define STEER_SLOTS   16 /* listeners that are steered to, each with a socket a worker */
#define STEER_WORKERS 256

/* Index into steer_sockets. */
#define STEER_TCP			     0
#define STEER_UDP			     1
#define STEER_SOCKET(slot, protocol, worker) ((((slot)*2 + (protocol)) * STEER_WORKERS) + (worker))
#define STEER_SOCKETS			     (STEER_SLOTS * 2 * STEER_WORKERS)
#define STEER_INTERFACES		     1024
#define STEER_PREFIXES			     65536 /* of each longest-prefix map */

/*
 * A map of an earlier program is taken over where its type and sizes are the same. A struct whose
 * meaning changes without its size needs another map name.
 */

/* An interface whose traffic is captured; key: its index. */
struct steer_interface {
	__u32 slot;
	__u8 tcp, udp;
	__u8 local; /* the loopback interface: what this machine itself sends, marked */
	__u8 reserved;
};

/* A slot's listener. */
struct steer_slot {
	__u32 workers;	/* how many sockets it has of each protocol */
	__u32 anywhere; /* server role: at any own address; else steer_targets decides */
};

/* Server role: the slots that listen on a port, a bit each; key: 0. */
struct steer_port_table {
	__u16 slots[65536];
};

/* Key of the longest-prefix map of own addresses; IPv4 addresses are IPv4-mapped, so len counts
 * from 96. */
struct steer_prefix {
	__u32 len; /* 0..128 */
	__u8 ip[16];
};

/* Key of the longest-prefix map of a server's addresses. */
struct steer_target {
	__u32 len; /* 32..160: the slot's bits count */
	__u32 slot;
	__u8 ip[16];
};

/* Key: 0. */
struct steer_state {
	__u32 told; /* of the interfaces; until then only own addresses are let through */
};

/* What became of packets for which the kernel looked for a socket; one a CPU. */
struct steer_counters {
	__u64 captured_tcp, captured_udp; /* given to a transparent listener */
	__u64 steered;			  /* given to a server's listener by its port */
	__u64 own;			  /* left alone: for one of the machine's own addresses */
	__u64 elsewhere;   /* left alone: came in by an interface that is not captured, or another
			      program has chosen a socket */
	__u64 no_listener; /* dropped: captured, but nobody listens */
	__u64 loops;	   /* dropped: from an address of this machine, yet from outside */
	__u64 failed;	   /* dropped: the kernel refused the socket */
};

/* Addresses as they are in memory, IPv4 ones IPv4-mapped; ports in host order. */
struct steer_flow {
	__u32 from[4], to[4];
	__u16 from_port, to_port;
};

static inline __u64 steer_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0xd6e8feb86659fd93ULL;
	return hash ^ hash >> 32;
}

static inline __u64 steer_mix_address(__u64 hash, const __u32 *ip)
{
	hash = steer_mix(hash, ip[0] | (__u64)ip[1] << 32);
	return steer_mix(hash, ip[2] | (__u64)ip[3] << 32);
}

/* Of the source only, so that all a client's UDP flows from one port have one worker. */
static inline __u64 steer_hash_udp(const struct steer_flow *f)
{
	return steer_mix(steer_mix_address(STEER_UDP, f->from), f->from_port);
}

static inline __u64 steer_hash_tcp(const struct steer_flow *f)
{
	__u64 hash = steer_mix_address(steer_mix_address(STEER_TCP, f->from), f->to);

	return steer_mix(hash, f->from_port | (__u64)f->to_port << 16);
}

/* One of n, evenly; without one more round, addresses in a row are not. */
static inline __u32 steer_pick(__u64 hash, __u32 n)
{
	hash = steer_mix(hash, 0);
	return (__u32)((hash & 0xffffffff) * n >> 32);
}

#endif
