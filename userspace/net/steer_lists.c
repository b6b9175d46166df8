// SPDX-License-Identifier: GPL-2.0-or-later
// Own addresses, and a server's ports and addresses, in the maps of the sk_lookup program.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include "net/steer_impl.h"
#include "net/steer_keys.h"

/* IPv4-mapped; the number of bits. */
static __u32 map_prefix(const struct prefix *p, __u8 ip[static 16])
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (p->family == AF_INET6) {
		memcpy(ip, p->ip, 16);
		return p->len;
	}
	memcpy(ip, mapped, 12);
	memcpy(ip + 12, p->ip, 4);
	return 96U + p->len;
}

/* Puts a key with a value that says nothing into the map, and into the list. */
static int put_key(int map, struct steer_keys *keys, const void *key, size_t size)
{
	static const __u32 value = 1;

	if (bpf_map_update_elem(map, key, &value, BPF_ANY) < 0)
		return -errno;
	return steer_keys_add(keys, key, size);
}

int steer_put_own(int map, const struct prefix_list *own)
{
	struct steer_keys before = { 0 }, now = { 0 };
	int err = steer_keys_read(&before, map, sizeof(struct steer_prefix));

	for (size_t i = 0; i < own->n && !err; i++) {
		struct steer_prefix key = { 0 };

		key.len = map_prefix(&own->at[i], key.ip);
		err = put_key(map, &now, &key, sizeof(key));
	}
	if (!err)
		err = steer_keys_drop(&before, &now, map);
	steer_keys_done(&before);
	steer_keys_done(&now);
	return err;
}

int steer_own(struct steer *s, const struct prefix_list *own)
{
	return steer_put_own(s->kernel.maps[STEER_MAP_OWN], own);
}

static void only_slot(struct steer_keys *keys, unsigned slot)
{
	size_t kept = 0;

	for (size_t i = 0; i < keys->n; i++) {
		struct steer_target key;

		memcpy(&key, &keys->at[i], sizeof(key));
		if (key.slot == slot)
			keys->at[kept++] = keys->at[i];
	}
	keys->n = kept;
}

/* Those that are not in it go once the ports are in place: *before and *now are the caller's. */
static int put_targets(int map, unsigned slot, const struct prefix_list *to,
		       struct steer_keys *before, struct steer_keys *now)
{
	int err = steer_keys_read(before, map, sizeof(struct steer_target));

	only_slot(before, slot);
	for (size_t i = 0; to && i < to->n && !err; i++) {
		struct steer_target key = { .slot = slot };

		key.len = 32 + map_prefix(&to->at[i], key.ip);
		err = put_key(map, now, &key, sizeof(key));
	}
	return err;
}

static void mark(struct steer_port_table *t, unsigned slot, const struct steer_ports *ports,
		 size_t n)
{
	for (unsigned port = 0; port < 65536; port++)
		t->slots[port] &= (__u16) ~(1U << slot);
	for (size_t i = 0; i < n; i++)
		for (unsigned port = ports[i].first; port <= ports[i].last; port++)
			t->slots[port] |= (__u16)(1U << slot);
}

static int put_ports(int map, unsigned slot, const struct steer_ports *ports, size_t n)
{
	struct steer_port_table *t = malloc(sizeof(*t));
	__u32 key = 0;
	int err = 0;

	if (!t)
		return -ENOMEM;
	if (bpf_map_lookup_elem(map, &key, t) < 0)
		err = -errno;
	if (!err) {
		mark(t, slot, ports, n);
		err = bpf_map_update_elem(map, &key, t, BPF_ANY) < 0 ? -errno : 0;
	}
	free(t);
	return err;
}

static int set_anywhere(int map, unsigned slot, bool anywhere)
{
	struct steer_slot value;

	if (bpf_map_lookup_elem(map, &slot, &value) < 0)
		return -errno;
	value.anywhere = anywhere;
	return bpf_map_update_elem(map, &slot, &value, BPF_ANY) < 0 ? -errno : 0;
}

int steer_targets(struct steer *s, unsigned slot, const struct steer_ports *ports, size_t n,
		  const struct prefix_list *to)
{
	int targets = s->kernel.maps[STEER_MAP_TARGETS];
	struct steer_keys before = { 0 }, now = { 0 };
	bool anywhere = n > 0 && (!to || to->n == 0);
	int err = slot < STEER_SLOTS ? 0 : -EINVAL;

	if (!err)
		err = put_targets(targets, slot, to, &before, &now);
	if (!err)
		err = set_anywhere(s->kernel.maps[STEER_MAP_SLOTS], slot, anywhere);
	if (!err)
		err = put_ports(s->kernel.maps[STEER_MAP_PORTS], slot, ports, n);
	if (!err)
		err = steer_keys_drop(&before, &now, targets);
	steer_keys_done(&before);
	steer_keys_done(&now);
	if (!err)
		s->told |= 1U << slot;
	return err;
}
