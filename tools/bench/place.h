/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where load goes in other network namespaces: addresses that are not loopback. As in sock.h, what
 * fails ends the program with a message.
 */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

#include <stdint.h>
#include <sys/socket.h>

/* Zero-initialised it is nowhere. */
struct place {
	sa_family_t family;  /* AF_INET, AF_INET6, or 0: nowhere */
	uint8_t ip[16];	     /* the first address; IPv4: the first four */
	unsigned int spread; /* so many addresses from it on, in the last byte; 0 is 1 */
};

void place_parse(const char *text, struct place *ret);
/* How many bytes of ip count: 4 or 16. */
unsigned int place_length(const struct place *p);
/* The nth address of the place, in turn: the bytes of place_length(). */
void place_ip(const struct place *p, unsigned int nth, uint8_t ret[static 16]);
/* A connected, non-blocking socket of that type to the nth address. */
int place_connect(const struct place *p, int type, uint16_t port, unsigned int nth);
/*
 * Bound to all addresses of both families in a network namespace, given as a file like
 * /proc/PID/ns/net; the caller's own is as before. Listens if the type is SOCK_STREAM. It and what
 * it accepts stay there. `flags` are those of socket().
 */
int place_bind(const char *netns, int type, int flags, uint16_t port);

#endif
