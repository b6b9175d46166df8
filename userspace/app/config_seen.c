// SPDX-License-Identifier: GPL-2.0-or-later
// A hash set of borrowed keys.
#include "app/config_seen.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <uthash.h>

struct config_seen {
	const void *what;
	UT_hash_handle hh;
};

int config_seen_add(struct config_seen **set, const void *key, size_t n, const void *what,
		    const void **ret_earlier)
{
	struct config_seen *e = NULL;

	HASH_FIND(hh, *set, key, n, e);
	if (e) {
		*ret_earlier = e->what;
		return 0;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->what = what;
	HASH_ADD_KEYPTR(hh, *set, key, n, e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return 0;
}

void config_seen_free(struct config_seen **set)
{
	struct config_seen *e, *next;

	HASH_ITER (hh, *set, e, next) {
		HASH_DEL(*set, e);
		free(e);
	}
	*set = NULL;
}
#pragma GCC diagnostic pop
