/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of dialing share: listeners, black holes, recorded calls. */
#ifndef TESTS_DIAL_PLACE_H
#define TESTS_DIAL_PLACE_H

#include "fake_dns.h"
#include "io/dial.h"

struct place {
	struct loop *loop;
	struct fake_dns *dns;
	struct resolver *resolver;
	uint16_t port; /* the same on all addresses of a test */
	int open[16];  /* sockets to close in the end */
	unsigned n;
};

struct call {
	struct dial d;
	unsigned dones;
	int err, fd;
	struct dial *cancel;
	bool free_self;
};

extern unsigned place_owners_freed; /* by done() of calls with free_self */

/* Records the outcome; what dial.done is set to by place_dial_host() and place_dial_local(). */
void place_done(struct dial *d, int err, int fd);

/* For cmocka; time stands still from here on. */
int place_set_up(void **state);
int place_tear_down(void **state);

/* 127.0.0.last and ::1. */
union sockaddr_any place_local(uint8_t last, uint16_t port);
union sockaddr_any place_local6(uint16_t port);
/* Says why and returns false where a test has to be skipped. */
bool place_has_ipv6(void);

/* Listens; port 0: chooses the port of this test. Returns the descriptor, which the place owns. */
int place_listen_at(struct place *b, union sockaddr_any a, int backlog);
int place_serve_at(struct place *b, uint8_t last);
/* With the queue of connections full the kernel drops every further SYN. */
void place_black_hole(struct place *b, union sockaddr_any a);
/* One more A record of host.test. */
void place_add_address(struct place *b, uint8_t last);

/* Start a call, which must not end before these return. */
void place_dial_host(struct place *b, struct call *c, const struct dial_opts *opts);
void place_dial_local(struct place *b, struct call *c, const struct dial_opts *opts,
		      union sockaddr_any a);
/* Enough turns for all that is under way on loopback. */
void place_settle(struct place *b);
/* Lets ms pass, and settles. */
void place_advance(struct place *b, uint64_t ms);

/* The last byte of the address that a successful call reached. */
uint8_t place_peer_of(const struct call *c);
/* An integer socket option. */
int place_option(int fd, int level, int name);
/* A number that grows by one for each open descriptor. */
unsigned place_open_files(void);

#define place_test(f) cmocka_unit_test_setup_teardown(f, place_set_up, place_tear_down)

#endif
