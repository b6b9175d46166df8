/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of the inbounds that capture, as far as the daemon makes them. */
#ifndef APP_STEERING_RULES_H
#define APP_STEERING_RULES_H

#include "app/steering.h"

struct steering_rules;

/* With root's rights. From then on rules that another program deletes are made again. 0, or -errno
 * and why; *ret is to be stopped even so. */
int steering_rules_start(struct program *p, struct loop *l, struct steering_rules **ret, char *why,
			 size_t why_len);
/* Whether an earlier start, or somebody by hand, made rules that still stand. */
bool steering_rules_stand(const struct config *c);
/* Undoes those that a start makes. */
void steering_rules_remove(const struct config *c);
/* The files of bypass lists changed. */
void steering_rules_renew(struct steering_rules *s);
/* The rules stay. NULL is ignored. */
void steering_rules_stop(struct steering_rules *s);

#endif
