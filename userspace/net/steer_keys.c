// SPDX-License-Identifier: GPL-2.0-or-later
// Lists of a BPF map's keys.
#include "net/steer_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

void steer_keys_done(struct steer_keys *k)
{
	free(k->at);
	*k = (struct steer_keys){ 0 };
}

int steer_keys_add(struct steer_keys *k, const void *key, size_t size)
{
	if (k->n == k->room) {
		size_t room = k->room ? 2 * k->room : 32;
		struct steer_key *at = reallocarray(k->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		k->at = at;
		k->room = room;
	}
	k->at[k->n] = (struct steer_key){ 0 };
	memcpy(k->at[k->n++].bytes, key, size);
	return 0;
}

/* All of them before any is deleted: behind a deleted key, some kernels skip keys of a trie. */
int steer_keys_read(struct steer_keys *k, int map, size_t size)
{
	struct steer_key key;
	const void *from = NULL;
	int err = 0;

	while (!err && bpf_map_get_next_key(map, from, &key) == 0) {
		err = steer_keys_add(k, &key, size);
		from = &key;
	}
	if (!err && errno != ENOENT)
		err = -errno;
	return err;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct steer_key));
}

int steer_keys_drop(const struct steer_keys *old, struct steer_keys *kept, int map)
{
	int err = 0;

	if (kept->n)
		qsort(kept->at, kept->n, sizeof(*kept->at), compare);
	for (size_t i = 0; i < old->n; i++) {
		const struct steer_key *key = &old->at[i];

		if (kept->n && bsearch(key, kept->at, kept->n, sizeof(*key), compare))
			continue;
		if (bpf_map_delete_elem(map, key) < 0 && errno != ENOENT)
			err = -errno;
	}
	return err;
}
