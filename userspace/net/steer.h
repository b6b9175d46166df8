/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sk_lookup program (bpf/steer.bpf.c) of one daemon: loaded or taken over, attached to the
 * network namespace of the caller, and told where packets go. Program, maps and link are pinned:
 * they outlive the daemon, and without listeners drop what they would have captured.
 */
#ifndef NET_STEER_H
#define NET_STEER_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/prefix.h"
#include "bpf/steer.h"

struct steer;

/*
 * `pins`: a folder in a bpffs, made where its parent is there. What an earlier daemon pinned there
 * is reused: maps as they are where their form is ours, the program replaced in place
 * (bpf_link_update). Where its link is of a network namespace that ended, all is made anew and
 * attached here; where that is another one which still is, nothing is done. NULL and one line in
 * why on failure, with the earlier program as it was. Needs CAP_BPF and CAP_NET_ADMIN. Own
 * addresses are known at once, where an earlier daemon has not left them; then: steer_targets() of
 * servers, steer_listen(), steer_own(), steer_interfaces(). One thread at a time.
 */
struct steer *steer_open(const char *pins, char *why, size_t why_len);
/* Lets go; everything stays in place. NULL is ignored. */
void steer_close(struct steer *s);
/* Detaches and unpins what is there, unless another network namespace has it. Nothing there is no
 * error. 0 or -errno and why. */
int steer_remove(const char *pins, char *why, size_t why_len);

/*
 * The listener of a slot: fds[w] of n workers, listening (TCP) or bound (UDP; NULL: none); borrowed
 * for the call. A packet's worker: TCP by its four addresses and ports, UDP by its source address
 * and port, as steer_worker() computes it. 0 or -errno; then the slot is deaf.
 * For both families a socket must be AF_INET6 and bound to :: or to ::ffff:127.0.0.1: bound to ::1,
 * it takes no IPv4, whatever IPV6_V6ONLY said before. Ports that an earlier daemon left to the slot
 * are forgotten, but for those that steer_targets() has set before.
 */
int steer_listen(struct steer *s, unsigned slot, const int *tcp, const int *udp, unsigned n);
/* Takes the slot's listener away. */
void steer_deaf(struct steer *s, unsigned slot);
/* The worker that UDP datagrams from this address and port (host order) are given to. */
unsigned steer_worker(const uint8_t *ip, size_t ip_len, uint16_t port, unsigned n_workers);

/* The captured interfaces, all slots together, by index; replaces what was there. 0 or -errno.
 * Call it also with none: a program that nobody ever told of interfaces takes it that all are
 * captured, and drops what is not for own addresses. */
struct steer_capture {
	unsigned ifindex;
	struct steer_interface to;
};
int steer_interfaces(struct steer *s, const struct steer_capture *at, size_t n);
/* The machine's own addresses: never captured. Replaces what was there, without a gap. */
int steer_own(struct steer *s, const struct prefix_list *own);

/* Server role: TCP to these ports (of any own address, or of `to` where it is not empty) goes to
 * the slot. Replaces the slot's. 0 or -errno. */
struct steer_ports {
	uint16_t first, last;
};
int steer_targets(struct steer *s, unsigned slot, const struct steer_ports *ports, size_t n,
		  const struct prefix_list *to);

/* Sums over CPUs. 0 or -errno. */
int steer_counters(struct steer *s, struct steer_counters *ret);
/* The same of pinned maps, for others to look. */
int steer_counters_read(const char *pins, struct steer_counters *ret);

#endif
