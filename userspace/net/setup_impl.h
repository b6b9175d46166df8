/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a set-up: what is there, what is to change, how it is done and taken back. */
#ifndef NET_SETUP_IMPL_H
#define NET_SETUP_IMPL_H

#include "net/journal.h"
#include "net/layout.h"
#include "net/rtnl.h"
#include "net/setup.h"

/* One call's view. Owned as setup_end() frees it. */
struct setup {
	const char *name;
	const struct setup_options *o;
	char *why;
	size_t why_len;
	int lock;
	struct rtnl *rtnl;
	struct journal journal;	  /* as it was found */
	struct object_list rules, /* all there are; normal */
		routes;		  /* in the tables of the plan and of the journal; normal */
	struct layout layout;
	struct object_list want; /* normal */
	struct prefix_list bypass;
};

/*
 * Locks, reads the journal and, for a plan, what is there and what is wanted; p may be NULL. anew:
 * whether conntrack is in use may be decided once more.
 */
int setup_begin(struct setup *s, const char *name, const struct plan *p, bool anew,
		const struct setup_options *o, char *why, size_t why_len);
bool setup_may_decide(const struct setup *s);
void setup_end(struct setup *s);
/* A line of the report. */
__attribute__((format(printf, 2, 3))) void setup_say(const struct setup *s, const char *format,
						     ...);
/* Whether an object is in the kernel as it was read. */
bool setup_is_there(const struct setup *s, const struct object *o);

/* A change of nft tables, both ways, as commands; NULL: none. */
struct nft_change {
	char *forward, *back;
};

/* What is to be done, in the order of its phases: see setup_change.c. */
struct change {
	struct object_list add, del;
	struct nft_change nft; /* done before packets are captured by interface ... */
	bool nft_late;	       /* ... or, a removal, when they no longer are */
	bool nft_elements;     /* it touches no more than elements of sets */
};

/* What leads from what is there to what is wanted; `only_bypass`: no more than the lists. */
int change_find(struct setup *s, const struct plan *p, bool only_bypass, struct change *ret);
/* What undoes everything that the journal tells. */
int change_find_removal(struct setup *s, struct change *ret);
/* Into the order of its phases. */
void change_sort(struct change *c);
/* Does it; takes back what it did where something fails. 0, or -errno and why. */
int change_do(struct setup *s, const struct change *c, bool take_back);
void change_tell(const struct setup *s, const struct change *c);
void change_done(struct change *c);

/* The ruleset, to be freed; NULL: out of memory. */
char *setup_ruleset(const struct setup *s, const struct plan *p, bool elements);
/* Whether the nft rules, sets aside, are the plan's and nobody changed them: 1, 0 or -errno. */
int setup_nft_stands(struct setup *s, const struct plan *p);

/* What belongs to others but would have to be ours: a line each. Returns their number. */
int setup_taken(struct setup *s, const struct plan *p);
/* What would make the plan fail, or work other than it says: a line each. Returns the number of
 * those that forbid it. */
int setup_obstacles(struct setup *s, const struct plan *p);
/* The parts of it that are about others' policy rules and nft tables. */
int setup_earlier(struct setup *s, const struct plan *p);
int setup_conflicts(struct setup *s, const struct plan *p);

#endif
