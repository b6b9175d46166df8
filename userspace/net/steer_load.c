// SPDX-License-Identifier: GPL-2.0-or-later
// Loads the sk_lookup program through its skeleton; the descriptors outlive the skeleton.
#include "net/steer_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include <bpf/bpf.h>

#include "base/fd.h"
#include "bpf/steer.skel.h"

const char *const steer_map_names[STEER_MAPS] = {
	[STEER_MAP_SOCKETS] = "steer_sockets", [STEER_MAP_IFACES] = "steer_ifaces",
	[STEER_MAP_OWN] = "steer_own",	       [STEER_MAP_TARGETS] = "steer_targets",
	[STEER_MAP_PORTS] = "steer_ports",     [STEER_MAP_SLOTS] = "steer_slots",
	[STEER_MAP_STATE] = "steer_state",     [STEER_MAP_COUNTS] = "steer_counts",
};

/* libbpf writes to stderr unless it is told where to. */
static int say_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

static bool same_form(const struct bpf_map *want, int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == bpf_map__type(want) &&
	       info.key_size == bpf_map__key_size(want) &&
	       info.value_size == bpf_map__value_size(want) &&
	       info.max_entries == bpf_map__max_entries(want) &&
	       info.map_flags == bpf_map__map_flags(want);
}

static int reuse(struct steer_kernel *k, struct bpf_object *obj)
{
	int err = 0;

	for (int i = 0; i < STEER_MAPS && !err; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, steer_map_names[i]);

		if (k->maps[i] >= 0 && !same_form(map, k->maps[i]))
			fd_close(fd_take(&k->maps[i]));
		k->fresh[i] = k->maps[i] < 0;
		if (!k->fresh[i])
			err = bpf_map__reuse_fd(map, k->maps[i]);
	}
	return err;
}

static int duplicate(int *to, int fd)
{
	*to = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return *to < 0 ? -errno : 0;
}

static int keep(struct steer_kernel *k, const struct steer *skel)
{
	int err = duplicate(&k->program, bpf_program__fd(skel->progs.steer));

	for (int i = 0; i < STEER_MAPS && !err; i++)
		if (k->fresh[i])
			err = duplicate(&k->maps[i], bpf_object__find_map_fd_by_name(
							     skel->obj, steer_map_names[i]));
	return err;
}

int steer_kernel_load(struct steer_kernel *k)
{
	struct steer *skel;
	int err;

	libbpf_set_print(say_nothing);
	skel = steer__open();
	if (!skel)
		return -errno;
	err = reuse(k, skel->obj);
	if (!err)
		err = steer__load(skel);
	if (!err)
		err = keep(k, skel);
	steer__destroy(skel);
	return err;
}

void steer_kernel_close(struct steer_kernel *k)
{
	for (int i = 0; i < STEER_MAPS; i++)
		fd_close(fd_take(&k->maps[i]));
	fd_close(fd_take(&k->program));
}
