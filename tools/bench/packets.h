/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Load of UDP datagrams: the echo at the far end, and the kinds of load towards it. */
#ifndef BENCH_PACKETS_H
#define BENCH_PACKETS_H

#include <stdint.h>
#include <sys/types.h>

#include "bench/place.h"

#define PACKETS_MAX 1400

struct packets_options {
	struct place to;
	uint16_t port;
	const char *netns;   /* of the echo */
	unsigned int flows;  /* each a socket of its own */
	unsigned int window; /* datagrams (new: flows) under way at once */
	unsigned int count;  /* of datagrams there and back; new: of flows */
	unsigned int size;   /* bytes of payload */
};

/* What every datagram begins with; the echo sends it back. */
struct packets_head {
	uint32_t flow, turn;
	uint64_t sent_ns;
};

/*
 * Datagrams over open flows. Warms all flows up, prints "warm" and waits for a line from standard
 * input; then sends `count` datagrams round robin, the next one when one has come back, prints a
 * JSON line, and keeps the flows until the next line.
 */
int packets_flow(const struct packets_options *o);
/* `count` flows, `window` at once: one datagram there and back, and the socket is closed. Prints a
 * JSON line. */
int packets_new(const struct packets_options *o);

/* Forks the echo for that port of all addresses in a network namespace; it is bound when this
 * returns and dies with its parent. Answers come from the address that was written to. */
pid_t packets_echo(const char *netns, uint16_t port);
void packets_echo_end(pid_t echo);

/* Room for bursts: what does not fit would be lost. */
void packets_widen(int fd);

#endif
