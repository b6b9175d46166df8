// SPDX-License-Identifier: GPL-2.0-or-later
// The region as memory-mapped BPF arrays, pinned, so that bpftool prints it by name.
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/state_region.h"
#include "base/log.h"
#include "bpf/state.skel.h"

/* What libbpf would write to standard error. */
static int to_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char text[300];

	if (level != LIBBPF_DEBUG) {
		vsnprintf(text, sizeof(text), fmt, ap);
		log_debug("bpf", "%.*s", (int)strcspn(text, "\n"), text);
	}
	return 0;
}

static int map_one(struct state_region *r, enum state_array array, struct bpf_map *map, size_t len)
{
	struct state_map *m = &r->maps[array];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char path[PATH_MAX + 16];
	int err;

	snprintf(path, sizeof(path), "%s/%s", r->pins.path, state_array_names[array]);
	err = bpf_map__pin(map, path);
	if (err)
		return err;
	len = (len + page - 1) / page * page;
	m->p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (m->p == MAP_FAILED) {
		m->p = NULL;
		return -errno;
	}
	m->len = len;
	return 0;
}

static int make(struct state_region *r, const struct state_shape *s, struct state *skel)
{
	struct bpf_map *maps[STATE_ARRAYS] = { skel->maps.header, skel->maps.workers,
					       skel->maps.sessions, skel->maps.streams };
	int err = 0;

	for (int i = 0; i < STATE_ARRAYS; i++)
		bpf_map__set_max_entries(maps[i], (uint32_t)s->elements[i]);
	err = state__load(skel);
	for (int i = 0; i < STATE_ARRAYS && !err; i++)
		err = map_one(r, i, maps[i], s->elements[i] * s->sizes[i]);
	return err;
}

int state_maps_open(struct state_region *r, const struct state_shape *s, char *why, size_t why_len)
{
	struct state *skel;
	int err;

	libbpf_set_print(to_log);
	skel = state__open();
	err = skel ? make(r, s, skel) : -errno;
	if (err)
		snprintf(why, why_len, "%s: %s", r->pins.path, strerror(-err));
	state__destroy(skel); /* pins and mappings keep the maps */
	return err;
}
