// SPDX-License-Identifier: GPL-2.0-or-later
// The deadline heap.
#include "ev/timer.h"

#include <errno.h>
#include <stdlib.h>

void timer_heap_done(struct timer_heap *h)
{
	free(h->at);
	*h = (struct timer_heap){ 0 };
}

static void place(struct timer_heap *h, uint32_t slot, struct timer *t)
{
	h->at[slot] = t;
	t->slot = slot;
}

static void sift_up(struct timer_heap *h, uint32_t slot, struct timer *t)
{
	for (; slot > 1 && h->at[slot / 2]->at_ms > t->at_ms; slot /= 2)
		place(h, slot, h->at[slot / 2]);
	place(h, slot, t);
}

static void sift_down(struct timer_heap *h, uint32_t slot, struct timer *t)
{
	for (uint32_t child; (child = slot * 2) <= h->n; slot = child) {
		if (child < h->n && h->at[child + 1]->at_ms < h->at[child]->at_ms)
			child++;
		if (h->at[child]->at_ms >= t->at_ms)
			break;
		place(h, slot, h->at[child]);
	}
	place(h, slot, t);
}

static int grow(struct timer_heap *h)
{
	uint32_t room = h->room ? h->room * 2 : 64;
	struct timer **at = realloc(h->at, (room + 1) * sizeof(struct timer *));

	if (!at)
		return -ENOMEM;
	h->at = at;
	h->room = room;
	return 0;
}

int timer_heap_set(struct timer_heap *h, struct timer *t, uint64_t at_ms,
		   void (*expired)(struct timer *t))
{
	if (!t->slot && h->n == h->room && grow(h) < 0)
		return -ENOMEM;
	timer_heap_remove(h, t);
	t->at_ms = at_ms;
	t->expired = expired;
	sift_up(h, ++h->n, t);
	return 0;
}

void timer_heap_remove(struct timer_heap *h, struct timer *t)
{
	uint32_t slot = t->slot;
	struct timer *last;

	if (!slot)
		return;
	t->slot = 0;
	last = h->at[h->n--];
	if (last == t)
		return;
	if (slot > 1 && h->at[slot / 2]->at_ms > last->at_ms)
		sift_up(h, slot, last);
	else
		sift_down(h, slot, last);
}

bool timer_heap_next(const struct timer_heap *h, uint64_t *ret_at_ms)
{
	if (!h->n)
		return false;
	*ret_at_ms = h->at[1]->at_ms;
	return true;
}

void timer_heap_expire(struct timer_heap *h, uint64_t now_ms)
{
	while (h->n && h->at[1]->at_ms <= now_ms) {
		struct timer *t = h->at[1];

		timer_heap_remove(h, t);
		t->expired(t);
	}
}
