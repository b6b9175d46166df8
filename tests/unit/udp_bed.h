/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: a network namespace in which every address is captured, workers with a transparent
 * inbound's UDP, and an outbound that answers. */
#ifndef TESTS_UNIT_UDP_BED_H
#define TESTS_UNIT_UDP_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/transparent_udp.h"

#define UDP_BED_CLIENT4	 "10.9.0.1" /* an address of the namespace */
#define UDP_BED_CLIENT6	 "fd09::1"
#define UDP_BED_WORKERS	 2
#define UDP_BED_START_MS 1000000

/* How the outbound treats a datagram. */
enum udp_bed_manner {
	UDP_BED_ECHOES,
	UDP_BED_KEEPS, /* answers nothing */
};

struct udp_bed_far {
	struct packets p;
	struct udp_bed *bed;
	struct list in_bed;
	struct addr last_to;
	uint8_t last[65536];
	size_t last_n;
	unsigned n_sent;
};

struct udp_bed {
	struct program program;
	struct config config;
	struct config_inbound inbound;
	struct config_outbound outbounds[2];
	struct worker workers[UDP_BED_WORKERS];
	struct transparent transparents[UDP_BED_WORKERS];
	struct inbound *inbounds[UDP_BED_WORKERS];
	struct outbound outbound[UDP_BED_WORKERS][2];
	struct outbound *outbound_of[UDP_BED_WORKERS][2];
	unsigned n_workers;
	uint16_t port; /* of listeners: the only one whose datagrams are captured here */
	enum udp_bed_manner manner;
	pthread_mutex_t lock; /* of what follows, while workers have threads */
	struct list fars;     /* of all outbounds, the oldest first */
	unsigned n_fars, n_made, most_fars;
	bool refuses; /* packets() fails */
};

/* For the whole program, once: false (and why was printed) where that is refused here. */
bool udp_bed_namespace(void);
/* What main() returns then: of one test, skipped. */
int udp_bed_skip(void);

/* One worker; time is frozen at UDP_BED_START_MS, limits and time-outs are the defaults. */
struct udp_bed *udp_bed_new(void);
/* Captures this port. */
struct udp_bed *udp_bed_new_at(uint16_t port);
/* Captures port 53 and hands it to this resolver. */
struct udp_bed *udp_bed_new_hijack(const char *ip);
/* `n` workers, on one port. */
struct udp_bed *udp_bed_new_of(unsigned n);
void udp_bed_free(struct udp_bed *b);

/* For cmocka: a bed of one worker as the test's state. */
static inline int udp_bed_set_up(void **state)
{
	*state = udp_bed_new();
	return 0;
}

static inline int udp_bed_tear_down(void **state)
{
	udp_bed_free(*state);
	return 0;
}

/* Datagrams that the first worker gave up. */
static inline uint64_t udp_bed_dropped(const struct udp_bed *b)
{
	return b->workers[0].counters.udp_dropped;
}

static inline struct transparent_udp *udp_bed_udp(struct udp_bed *b)
{
	return b->transparents[0].udp;
}

/* Turns worker 0's loop until nothing is left to do. */
void udp_bed_settle(struct udp_bed *b);
/* Lets time go on, in steps of a second, each with a turn. */
void udp_bed_pass(struct udp_bed *b, unsigned ms);

/* A socket of a client, at one of the UDP_BED_CLIENTs, connected to dst at the captured port. */
int udp_bed_client(struct udp_bed *b, const char *dst);
/* As that, not connected. */
int udp_bed_client_open(const char *own);
/* Sends to dst at the captured port. */
void udp_bed_send_to(struct udp_bed *b, int fd, const char *dst, const char *text);
/* Sends a text, has it pass, and wants it back from where it was sent to. */
void udp_bed_exchange(struct udp_bed *b, int fd, const char *text);
/* What came, as text, and from where ("ADDRESS:PORT"); "" where nothing came. */
const char *udp_bed_received(int fd, char text[static 256], char from[static SOCKADDR_TEXT_MAX]);

/* "1.2.3.4" or "fd00::1" at a port. */
union sockaddr_any udp_bed_address(const char *ip, uint16_t port);
/* The far side that was made last. */
struct udp_bed_far *udp_bed_last_far(struct udp_bed *b);
/* An answer from anywhere. */
void udp_bed_answer(struct udp_bed_far *f, const char *ip, uint16_t port, const char *text);

#endif
