// SPDX-License-Identifier: GPL-2.0-or-later
// Free lists over the region's slots, which grow with what is used.
#include "app/state_slots.h"

#include <stdlib.h>
#include <string.h>

#include "app/state_region.h"

#define GROW 64 /* slots that are made ready at once */

static void pool_init(struct state_pool *p, void *array, uint32_t size, uint32_t n, unsigned worker,
		      unsigned workers)
{
	uint32_t first = state_first(n, worker, workers);

	*p = (struct state_pool){
		.base = (uint8_t *)array + (size_t)first * size,
		.size = size,
		.n = state_first(n, worker + 1, workers) - first,
	};
}

void state_slots_init(struct state_slots *s, struct state_region *region, unsigned worker,
		      unsigned workers)
{
	*s = (struct state_slots){ .region = region };
	if (!region)
		return;
	pool_init(&s->sessions, region->sessions, sizeof(struct state_session),
		  region->header->sessions, worker, workers);
	pool_init(&s->streams, region->streams, sizeof(struct state_stream),
		  region->header->streams, worker, workers);
}

static void pool_done(struct state_pool *p)
{
	if (p->base)
		memset(p->base, 0, (size_t)p->ready * p->size);
	free(p->free);
	*p = (struct state_pool){ 0 };
}

void state_slots_done(struct state_slots *s)
{
	pool_done(&s->sessions);
	pool_done(&s->streams);
}

/* Puts the next ones on the empty free list, lowest on top; false where there are none. */
static bool grow(struct state_slots *s, struct state_pool *p, enum state_array array)
{
	uint32_t more = p->n - p->ready < GROW ? p->n - p->ready : GROW;
	uint8_t *at = p->base + (size_t)p->ready * p->size;
	uint32_t *list;

	if (more == 0)
		return false;
	if (p->room < p->ready + more) {
		list = realloc(p->free, (p->ready + more) * sizeof(*list));
		if (!list)
			return false;
		p->free = list;
		p->room = p->ready + more;
	}
	if (state_region_back(s->region, array, (size_t)(at - (uint8_t *)s->region->maps[array].p),
			      (size_t)more * p->size) < 0)
		return false;
	for (uint32_t i = more; i > 0; i--)
		p->free[p->n_free++] = p->ready + i - 1;
	p->ready += more;
	return true;
}

/* NULL where none is free. */
static void *take(struct state_slots *s, struct state_pool *p, enum state_array array)
{
	if (!p->base || (p->n_free == 0 && !grow(s, p, array)))
		return NULL;
	return p->base + (size_t)p->free[--p->n_free] * p->size;
}

/* `seq` is the slot's first member; it goes on where it was, for readers that look meanwhile. */
static void give(struct state_pool *p, void *slot)
{
	uint32_t *seq = slot;

	state_slot_begin(seq);
	memset(seq + 1, 0, p->size - sizeof(*seq));
	state_slot_end(seq);
	p->free[p->n_free++] = (uint32_t)((size_t)((uint8_t *)slot - p->base) / p->size);
}

struct state_session *state_slots_session(struct state_slots *s)
{
	struct state_session *slot = take(s, &s->sessions, STATE_SESSIONS);

	return slot ? slot : &s->no_session;
}

struct state_stream *state_slots_stream(struct state_slots *s)
{
	struct state_stream *slot = take(s, &s->streams, STATE_STREAMS);

	return slot ? slot : &s->no_stream;
}

void state_slots_give_session(struct state_slots *s, struct state_session *slot)
{
	if (slot != &s->no_session)
		give(&s->sessions, slot);
}

void state_slots_give_stream(struct state_slots *s, struct state_stream *slot)
{
	if (slot != &s->no_stream)
		give(&s->streams, slot);
}

void state_put_text(char *at, size_t n, const char *text)
{
	size_t len = strnlen(text, n - 1);

	memcpy(at, text, len);
	memset(at + len, 0, n - len);
}
