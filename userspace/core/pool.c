// SPDX-License-Identifier: GPL-2.0-or-later
// The idle pool.
#include "core/pool.h"

#include <stddef.h>

void pool_init(struct pool *p)
{
	list_init(&p->idle);
	p->n_idle = 0;
}

void pool_put(struct pool *p, struct pool_entry *e, uint64_t now_ms)
{
	struct list *where = &p->idle;

	while (where->next != &p->idle &&
	       container_of(where->next, struct pool_entry, link)->seq > e->seq)
		where = where->next;
	e->idle_since_ms = now_ms;
	e->kept = false;
	list_insert_after(where, &e->link);
	p->n_idle++;
}

struct pool_entry *pool_take(struct pool *p)
{
	struct pool_entry *e;

	if (list_empty(&p->idle))
		return NULL;
	e = container_of(p->idle.next, struct pool_entry, link);
	pool_remove(p, e);
	return e;
}

struct pool_entry *pool_oldest(struct pool *p)
{
	return list_empty(&p->idle) ? NULL : container_of(p->idle.prev, struct pool_entry, link);
}

void pool_remove(struct pool *p, struct pool_entry *e)
{
	if (!e->link.next || list_empty(&e->link))
		return;
	list_remove(&e->link);
	p->n_idle--;
}

void pool_sweep(struct pool *p, uint64_t now_ms, uint64_t timeout_ms, uint32_t min_idle,
		uint32_t elsewhere, void (*close)(struct pool_entry *e))
{
	uint32_t counted = elsewhere;

	list_for_each_safe(it, &p->idle)
	{
		struct pool_entry *e = container_of(it, struct pool_entry, link);

		if (now_ms - e->idle_since_ms >= timeout_ms) {
			if (counted >= min_idle) {
				pool_remove(p, e);
				close(e);
				continue;
			}
			e->idle_since_ms = now_ms;
			e->kept = true;
		}
		counted++;
	}
}
