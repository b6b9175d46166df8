/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a BPF map as a list, to make it another one without a gap. */
#ifndef NET_STEER_KEYS_H
#define NET_STEER_KEYS_H

#include <stddef.h>
#include <stdint.h>

#define STEER_KEY_MAX 24

struct steer_key {
	uint8_t bytes[STEER_KEY_MAX]; /* zero behind the key */
};

/* Zero-initialised it is empty. */
struct steer_keys {
	struct steer_key *at;
	size_t n, room;
};

void steer_keys_done(struct steer_keys *k);
/* 0 or -ENOMEM. */
int steer_keys_add(struct steer_keys *k, const void *key, size_t size);
/* Adds those of a map. 0 or -errno. */
int steer_keys_read(struct steer_keys *k, int map, size_t size);
/* Deletes from the map those of `old` that are not in `kept`, which is sorted for it. */
int steer_keys_drop(const struct steer_keys *old, struct steer_keys *kept, int map);

#endif
