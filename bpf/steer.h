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
	__u32 anywhere; /* server role: any of the machine's addresses; else steer_targets decides
			 */
};

/* Key of the longest-prefix maps; IPv4 addresses are IPv4-mapped, so len counts from 96. */
struct steer_prefix {
	__u32 len; /* 0..128 */
	__u8 ip[16];
};

/* What became of packets for which the kernel looked for a socket; one a CPU. */
struct steer_counters {
	__u64 captured_tcp, captured_udp; /* given to a transparent listener */
	__u64 steered;			  /* given to a server's listener by its port */
	__u64 own;			  /* left alone: for one of the machine's own addresses */
	__u64 elsewhere;   /* left alone: came in by an interface that is not captured */
	__u64 no_listener; /* dropped: captured, but nobody listens */
	__u64 loops;	   /* dropped: from an address of this machine, yet from outside */
	__u64 failed;	   /* dropped: the kernel refused the socket */
};

#endif
