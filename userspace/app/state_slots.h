/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One worker's part of the shared region: slots to take and to give back. Whoever finds none free
 * gets a slot that nobody sees, so that it stores like everybody else. Worker thread only.
 */
#ifndef APP_STATE_SLOTS_H
#define APP_STATE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fence.h"
#include "bpf/abi.h"

struct state_region;

/* Slots of one kind. */
struct state_pool {
	uint8_t *base;	       /* the worker's first slot; NULL: nothing is shown */
	uint32_t size;	       /* of a slot, in bytes */
	uint32_t n;	       /* slots */
	uint32_t ready;	       /* the first so many are backed by memory */
	uint32_t n_free, room; /* of `free` */
	uint32_t *free;	       /* slots of those that nobody has */
};

struct state_slots {
	struct state_region *region;
	struct state_pool sessions, streams;
	struct state_session no_session; /* for those that are not shown */
	struct state_stream no_stream;
};

/* `region` may be NULL. It stays the caller's, and must outlive this. */
void state_slots_init(struct state_slots *s, struct state_region *region, unsigned worker,
		      unsigned workers);
/* Wipes every slot. */
void state_slots_done(struct state_slots *s);

/* A slot, all zero but for its seq; the one that nobody sees where none is free. Fill it between
 * state_slot_begin() and state_slot_end(). */
struct state_session *state_slots_session(struct state_slots *s);
struct state_stream *state_slots_stream(struct state_slots *s);

/* Wipes and gives back. */
void state_slots_give_session(struct state_slots *s, struct state_session *slot);
void state_slots_give_stream(struct state_slots *s, struct state_stream *slot);

/* Around a change of texts: a reader in between sees an odd number and looks again. */
static inline void state_slot_begin(uint32_t *seq)
{
	__atomic_store_n(seq, *seq + 1, __ATOMIC_RELAXED);
	fence_release();
}

static inline void state_slot_end(uint32_t *seq)
{
	__atomic_store_n(seq, *seq + 1, __ATOMIC_RELEASE);
}

/* A number that a reader may look at at any time. */
static inline void state_put(uint64_t *at, uint64_t n)
{
	__atomic_store_n(at, n, __ATOMIC_RELAXED);
}

/* Into a text of n bytes: cut where it is too long, and nothing behind its end. */
void state_put_text(char *at, size_t n, const char *text);

#endif
