/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set that remembers what has been seen, to find what is repeated. */
#ifndef APP_CONFIG_SEEN_H
#define APP_CONFIG_SEEN_H

#include <stddef.h>

struct config_seen; /* NULL is the empty set */

/*
 * Adds a key of n bytes, which is borrowed and must outlive the set, with what belongs to it. When
 * it is there already, *ret_earlier is set to what was given then; else it is left as it is. 0 or
 * -ENOMEM.
 */
int config_seen_add(struct config_seen **set, const void *key, size_t n, const void *what,
		    const void **ret_earlier);
void config_seen_free(struct config_seen **set);

#endif
