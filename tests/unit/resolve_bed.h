/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of the resolver share: a loop, a scripted server, recorded answers. */
#ifndef TESTS_RESOLVE_BED_H
#define TESTS_RESOLVE_BED_H

#include "fake_dns.h"
#include "io/resolve.h"

/* Everything one test needs. */
struct bed {
	struct loop *loop;
	struct fake_dns *dns;
	struct resolver *resolver;
};

/* A question and what came of it. */
struct probe {
	struct resolve q;
	struct bed *bed;
	unsigned answers;
	int err;
	unsigned n;
	union sockaddr_any addrs[RESOLVE_MAX];
	struct probe *cancel; /* cancelled from within the callback */
	const char *again;    /* asked from within the callback, once */
	bool free_self, free_resolver;
};

/* For cmocka; time stands still from here on, and a try lasts a minute. */
int bed_set_up(void **state);
int bed_tear_down(void **state);
/* A fresh resolver with these options and the scripted server. */
void bed_use_opts(struct bed *b, struct resolve_opts opts);

/* Asks for name, port 443. */
void bed_ask(struct bed *b, struct probe *p, const char *name);
/* Enough turns for every packet that is under way; none of them waits for long. */
void bed_settle(struct bed *b);
/* Fails the test unless exactly one answer comes. */
void bed_wait_answer(struct bed *b, const struct probe *p);
/* Lets ms pass, and settles. */
void bed_advance(struct bed *b, uint64_t ms);
/* Address i of the answer; valid until the next call. */
const char *bed_text(const struct probe *p, unsigned i);

#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_set_up, bed_tear_down)

#endif
