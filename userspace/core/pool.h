/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client's idle sessions: which one to use next, which ones to close (protocol notes 5.1, 5.2).
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

/* Embed it in a session. */
struct pool_entry {
	struct list link;
	uint64_t seq; /* creation number: the highest is the newest */
	uint64_t idle_since_ms;
	bool kept; /* it outlived its time-out to keep the minimum: its owner keeps it alive */
};

struct pool {
	struct list idle; /* newest session first */
	uint32_t n_idle;
};

void pool_init(struct pool *p);
/* Adds an idle session; e->seq is set already. */
void pool_put(struct pool *p, struct pool_entry *e, uint64_t now_ms);
/* Takes the newest idle session, or NULL. */
struct pool_entry *pool_take(struct pool *p);
/* The idle session that is oldest, or NULL. */
struct pool_entry *pool_oldest(struct pool *p);
/* Takes this one, if it is idle. */
void pool_remove(struct pool *p, struct pool_entry *e);

/*
 * One check, newest to oldest: sessions idle for `timeout_ms` or longer are taken out and given to
 * `close`, but for those that the minimum needs, which are marked `kept` and restart their clock.
 * `elsewhere` counts idle sessions of the same server that others hold.
 */
void pool_sweep(struct pool *p, uint64_t now_ms, uint64_t timeout_ms, uint32_t min_idle,
		uint32_t elsewhere, void (*close)(struct pool_entry *e));

#endif
