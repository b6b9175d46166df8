/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One client connection to the target: straight to a port, or through a SOCKS5 proxy. */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/place.h"
#include "bench/target.h"

/*
 * How the target is reached. Without SOCKS, `port` is a relay that leads to the target by itself;
 * without a port the target is connected to, and something on the way may capture that.
 */
struct route {
	bool socks;
	uint16_t port, target_port;
	struct place proxy, target; /* nowhere: 127.0.0.1 */
	const char *target_netns;   /* NULL: the target is in this network namespace */
};

struct conn {
	int fd; /* -1: not open */
	unsigned int nth;
	enum { CONN_METHOD, CONN_REPLY, CONN_READY } state;
	uint64_t in, out;    /* payload bytes */
	uint64_t started_ns; /* just before connect() */
	uint8_t reply[262];
	size_t have;
};

/* Connects, sends the first SOCKS message and watches for input; events come back with `c`. */
void conn_open(struct conn *c, const struct route *r, int epoll, unsigned int nth);
/* Goes on with SOCKS: true once payload may flow. A refusal ends the program: it spoils the figure.
 */
bool conn_ready(struct conn *c, const struct route *r);
/* One recv or send of payload, counted. The count; 0 at the end (recv); -EAGAIN; other errors and
 * resets end the program. `buf` has room for SOCK_CHUNK bytes. */
ssize_t conn_recv(struct conn *c, void *buf);
ssize_t conn_send(struct conn *c, const void *buf, size_t len);
void conn_close(struct conn *c);

#endif
