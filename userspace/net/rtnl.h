/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes and policy rules of the calling thread's network namespace, by rtnetlink. */
#ifndef NET_RTNL_H
#define NET_RTNL_H

#include "net/object.h"

struct rtnl;

/* 0 or -errno. */
int rtnl_open(struct rtnl **ret);
/* NULL is ignored. */
void rtnl_close(struct rtnl *r);

/* All policy rules of both families; added to *ret. 0 or -errno. */
int rtnl_rules(struct rtnl *r, struct object_list *ret);
/* The routes in a table; added to *ret. 0 or -errno. */
int rtnl_routes(struct rtnl *r, uint32_t table, struct object_list *ret);

/*
 * Makes (add) or deletes n objects in their order, which goes on behind one that fails. done[i]
 * says whether the kernel did it; one to be deleted that is not there counts as done. 0 or the
 * first error; *failed is then its index.
 */
int rtnl_apply(struct rtnl *r, const struct object *o, size_t n, bool add, bool *done,
	       size_t *failed);

#endif
