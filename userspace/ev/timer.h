/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A binary heap of deadlines; the part of the loop that knows no descriptors. */
#ifndef EV_TIMER_H
#define EV_TIMER_H

#include "ev/loop.h"

/* Zero-initialised is empty. */
struct timer_heap {
	struct timer **at; /* at[1..n] */
	uint32_t n, room;
};

void timer_heap_done(struct timer_heap *h);
/* Arms t for at_ms, wherever it was; -ENOMEM leaves it as it was. */
int timer_heap_set(struct timer_heap *h, struct timer *t, uint64_t at_ms,
		   void (*expired)(struct timer *t));
/* Disarms; an unarmed timer is ignored. */
void timer_heap_remove(struct timer_heap *h, struct timer *t);
/* The earliest deadline; false when there is none. */
bool timer_heap_next(const struct timer_heap *h, uint64_t *ret_at_ms);
/* Disarms and calls all that are due, earliest first; not those armed meanwhile for now_ms + 1 or
 * later. */
void timer_heap_expire(struct timer_heap *h, uint64_t now_ms);

#endif
