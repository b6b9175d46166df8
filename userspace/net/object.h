/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes and policy rules as values: those that a plan asks for, and those that the kernel has. */
#ifndef NET_OBJECT_H
#define NET_OBJECT_H

#include <net/if.h>
#include <stdio.h>

#include "base/prefix.h"

enum object_kind { OBJECT_ROUTE, OBJECT_RULE };

/* Zero-initialised, then filled: parts that do not matter for a kind are zero. */
struct object {
	enum object_kind kind;
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t type; /* route: RTN_LOCAL, RTN_THROW, ...; rule: FR_ACT_TO_TBL, _GOTO, _NOP, ... */
	uint8_t protocol; /* who made it: ours are PLAN_PROTOCOL */
	bool other;	  /* the kernel's one has parts that are not told here */
	uint32_t table;	  /* of a route; that a rule looks up */
	struct prefix to; /* of a route */
	/* of a rule */
	uint32_t priority, target;   /* target: the priority it goes to */
	struct prefix from;	     /* family 0: any */
	char iif[IF_NAMESIZE];	     /* "": any */
	uint32_t mark, mask;	     /* mask 0: any */
	uint8_t ip_proto;	     /* 0: any */
	uint16_t sport[2], dport[2]; /* first and last; 0, 0: any */
};

/* An order that puts equal ones, `other` included, side by side. For qsort(). */
int object_compare(const void *a, const void *b);

/* Longest: a rule with everything. */
#define OBJECT_TEXT_MAX 320

/* As `ip` takes it, "ip -4 rule add priority 1 ...", with the verb add or del; returns out. */
const char *object_text(const struct object *o, const char *verb, char out[static OBJECT_TEXT_MAX]);
/* From text with the verb "add". 0, or -EINVAL where object_text() did not write it. */
int object_parse(const char *text, struct object *ret);

/* Zero-initialised it is empty. */
struct object_list {
	struct object *at;
	size_t n, room;
};

/* 0 or -ENOMEM. */
int object_list_add(struct object_list *l, const struct object *o);
void object_list_done(struct object_list *l);
/* Sorts and drops doubles: what the two below need. */
void object_list_normal(struct object_list *l);
bool object_list_has(const struct object_list *l, const struct object *o);
/* Those of a that are (in) or are not in b are added to ret. 0 or -ENOMEM. */
int object_list_pick(const struct object_list *a, const struct object_list *b, bool in,
		     struct object_list *ret);

#endif
