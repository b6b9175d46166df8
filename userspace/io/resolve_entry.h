/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The resolver's table of names: who waits, what is known, how long it is kept. */
#ifndef IO_RESOLVE_ENTRY_H
#define IO_RESOLVE_ENTRY_H

/* without memory an entry is not added, which entry_add() checks */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) ((e)->listed = false)
#include <uthash.h>

#include "io/dns.h"
#include "io/resolve.h"

#define RESOLVE_NAME_MAX 255 /* bytes of a name that may be looked up */

/*
 * A name and what is known of it. It lives as long as it is being asked for, somebody waits for it,
 * or it is in the cache.
 */
struct resolve_query {
	struct resolver *resolver;
	struct list waiters; /* of struct resolve */
	struct list serving; /* those of them that the running delivery still has to call */
	struct task deliver;
	struct dns_question question;
	struct list lru; /* linked while cached and unused */
	struct deferred dead;
	UT_hash_handle hh;
	bool listed;  /* in the table of names */
	bool pending; /* the question is under way */
	bool known;   /* the fields below can be told, though they may be improved or renewed */
	bool delivering;
	uint64_t expires_ms;
	int err;
	unsigned n;
	union sockaddr_any *addrs;
	char name[]; /* lower case */
};

/* Answers that are told without an entry of their own. */
enum { NO_MEMORY, TOO_MANY, NO_SUCH_NAME, REFUSALS };

struct resolver {
	struct loop *loop;
	struct dns *dns;
	uint32_t max_pending, cache_max;
	uint32_t n_pending, n_cached;
	struct resolve_query *names; /* hash by name */
	struct list lru;	     /* most recently used first */
	struct list literals;	     /* entries of IP literals, by lru */
	struct resolve_query refusals[REFUSALS];
	struct deferred dead;
};

/* For an entry that is part of something larger: it never settles. */
void entry_init(struct resolve_query *e, struct resolver *r);
/* NULL where there is none. */
struct resolve_query *entry_find(struct resolver *r, const char *name, size_t len);
/* A new, empty one in the table; NULL without memory. */
struct resolve_query *entry_add(struct resolver *r, const char *name, size_t len);
/* One outside the table, which is gone once its waiters know; NULL without memory. */
struct resolve_query *entry_add_literal(struct resolver *r, const union sockaddr_any *addr);
/* Lets the waiters go without a callback. */
void entry_end(struct resolve_query *e);
/* entry_end(), out of the table, freed after the batch. */
void entry_free(struct resolve_query *e);

/* Takes e out of the reach of eviction until its waiters have been told. */
void entry_use(struct resolve_query *e);
/* Lets q wait; it is told in the next turn or once something is known. */
void entry_wait(struct resolve_query *e, struct resolve *q);
/* What waiters are told from now on; addrs are copied. */
void entry_set_answer(struct resolve_query *e, int err, const union sockaddr_any *addrs,
		      unsigned n);
/* Tells the waiters in the next turn, and keeps e, or lets it go, after that. */
void entry_deliver_soon(struct resolve_query *e);

#endif
