/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A padding scheme with its md5, shared by reference count between sessions and threads. */
#ifndef APP_SCHEME_H
#define APP_SCHEME_H

#include <pthread.h>
#include <stdatomic.h>

#include "proto/padding.h"

struct scheme {
	_Atomic unsigned refs;
	struct padding padding;
	char md5[33]; /* lower-case hex of the raw text (protocol notes 4.1) */
	char text[];
};

/* Copies and reads a scheme; one reference is the caller's. -EINVAL, -ENOMEM. */
int scheme_new(const char *text, size_t len, struct scheme **ret);
/* Another reference, any thread. */
struct scheme *scheme_ref(struct scheme *s);
/* Drops one; returns NULL; NULL is ignored. */
struct scheme *scheme_unref(struct scheme *s);

/* The scheme that a server last told us, for all workers. */
struct scheme_slot {
	pthread_mutex_t lock;
	struct scheme *current;
};

/* A new reference to the current one. */
struct scheme *scheme_slot_get(struct scheme_slot *slot);
/* Replaces it, taking over the caller's reference. */
void scheme_slot_set(struct scheme_slot *slot, struct scheme *s);

#endif
