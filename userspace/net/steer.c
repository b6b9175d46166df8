// SPDX-License-Identifier: GPL-2.0-or-later
// Listeners and interfaces in the maps of the sk_lookup program, and its counters.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/fd.h"
#include "net/steer_impl.h"
#include "net/steer_keys.h"
#include "net/steer_pins.h"

static int put(int map, const void *key, const void *value)
{
	return bpf_map_update_elem(map, key, value, BPF_ANY) < 0 ? -errno : 0;
}

static int set_workers(struct steer *s, unsigned slot, unsigned n)
{
	int map = s->kernel.maps[STEER_MAP_SLOTS];
	struct steer_slot value;

	if (bpf_map_lookup_elem(map, &slot, &value) < 0)
		return -errno;
	value.workers = n;
	return put(map, &slot, &value);
}

/* Those from `from` on. */
static void drop_sockets(struct steer *s, unsigned slot, int protocol, unsigned from)
{
	for (unsigned i = from; i < STEER_WORKERS; i++) {
		__u32 key = STEER_SOCKET(slot, (unsigned)protocol, i);

		bpf_map_delete_elem(s->kernel.maps[STEER_MAP_SOCKETS], &key);
	}
}

static int put_sockets(struct steer *s, unsigned slot, int protocol, const int *fds, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; fds && i < n && !err; i++) {
		__u32 key = STEER_SOCKET(slot, (unsigned)protocol, i);
		__u64 value = (__u64)fds[i];

		err = put(s->kernel.maps[STEER_MAP_SOCKETS], &key, &value);
	}
	return err;
}

/* The ports may be those of a daemon before us, whose slot was for something else. */
static int forget_ports(struct steer *s, unsigned slot)
{
	return s->told & 1U << slot ? 0 : steer_targets(s, slot, NULL, 0, NULL);
}

int steer_listen(struct steer *s, unsigned slot, const int *tcp, const int *udp, unsigned n)
{
	int err = slot < STEER_SLOTS && n <= STEER_WORKERS ? 0 : -EINVAL;

	if (err)
		return err;
	err = forget_ports(s, slot);
	if (!err)
		err = put_sockets(s, slot, STEER_TCP, tcp, n);
	if (!err)
		err = put_sockets(s, slot, STEER_UDP, udp, n);
	if (!err)
		err = set_workers(s, slot, n);
	if (err) {
		steer_deaf(s, slot);
		return err;
	}
	drop_sockets(s, slot, STEER_TCP, tcp ? n : 0);
	drop_sockets(s, slot, STEER_UDP, udp ? n : 0);
	return 0;
}

void steer_deaf(struct steer *s, unsigned slot)
{
	if (slot >= STEER_SLOTS)
		return;
	set_workers(s, slot, 0);
	drop_sockets(s, slot, STEER_TCP, 0);
	drop_sockets(s, slot, STEER_UDP, 0);
}

unsigned steer_worker(const uint8_t *ip, size_t ip_len, uint16_t port, unsigned n_workers)
{
	struct steer_flow f = { .from_port = port };
	uint8_t from[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(ip_len == 4 ? from + 12 : from, ip, ip_len);
	memcpy(f.from, from, sizeof(f.from));
	return n_workers ? steer_pick(steer_hash_udp(&f), n_workers) : 0;
}

static int put_interfaces(int map, const struct steer_capture *at, size_t n)
{
	struct steer_keys before = { 0 }, now = { 0 };
	int err = steer_keys_read(&before, map, sizeof(__u32));

	for (size_t i = 0; i < n && !err; i++) {
		err = put(map, &at[i].ifindex, &at[i].to);
		if (!err)
			err = steer_keys_add(&now, &at[i].ifindex, sizeof(__u32));
	}
	if (!err)
		err = steer_keys_drop(&before, &now, map);
	steer_keys_done(&before);
	steer_keys_done(&now);
	return err;
}

int steer_interfaces(struct steer *s, const struct steer_capture *at, size_t n)
{
	static const struct steer_state told = { .told = 1 };
	static const __u32 key;
	int err = put_interfaces(s->kernel.maps[STEER_MAP_IFACES], at, n);

	return err ? err : put(s->kernel.maps[STEER_MAP_STATE], &key, &told);
}

static void add(struct steer_counters *sum, const struct steer_counters *c)
{
	sum->captured_tcp += c->captured_tcp;
	sum->captured_udp += c->captured_udp;
	sum->steered += c->steered;
	sum->own += c->own;
	sum->elsewhere += c->elsewhere;
	sum->no_listener += c->no_listener;
	sum->loops += c->loops;
	sum->failed += c->failed;
}

static int read_counters(int map, struct steer_counters *ret)
{
	int n = libbpf_num_possible_cpus();
	struct steer_counters *cpus, sum = { 0 };
	__u32 key = 0;
	int err = 0;

	if (n < 0)
		return n;
	cpus = calloc((size_t)n, sizeof(*cpus));
	if (!cpus)
		return -ENOMEM;
	if (bpf_map_lookup_elem(map, &key, cpus) < 0)
		err = -errno;
	for (int i = 0; i < n; i++)
		add(&sum, &cpus[i]);
	if (!err)
		*ret = sum;
	free(cpus);
	return err;
}

int steer_counters(struct steer *s, struct steer_counters *ret)
{
	return read_counters(s->kernel.maps[STEER_MAP_COUNTS], ret);
}

/* The map may be another version's, and larger than what it would be read into. */
static int check_counters(int map)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(map, &info, &len) < 0)
		return -errno;
	return info.type == BPF_MAP_TYPE_PERCPU_ARRAY && info.key_size == sizeof(__u32) &&
			       info.value_size == sizeof(struct steer_counters)
		       ? 0
		       : -EPROTO;
}

int steer_counters_read(const char *pins, struct steer_counters *ret)
{
	int fd = steer_pin_open(pins, steer_map_names[STEER_MAP_COUNTS], BPF_F_RDONLY);
	int err = fd < 0 ? fd : check_counters(fd);

	if (!err)
		err = read_counters(fd, ret);
	fd_close(fd);
	return err;
}
