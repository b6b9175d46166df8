// SPDX-License-Identifier: GPL-2.0-or-later
// Loads the demux program, maps its memory, and makes the collector socket that runs it.
#include "datapath/demux_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/fd.h"
#include "bpf/demux.skel.h"
#include "datapath/loopback.h"

static size_t slots_len(const struct demux_kernel *k)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (k->n_slots * sizeof(*k->slots) + page - 1) & ~(page - 1);
}

int demux_kernel_put(int map, __u32 slot, int fd)
{
	__u64 value = (__u64)fd;

	return bpf_map_update_elem(map, &slot, &value, BPF_ANY) < 0 ? -errno : 0;
}

static void close_collector(struct demux_kernel *k)
{
	fd_close(fd_take(&k->collector));
	fd_close(fd_take(&k->end));
}

/*
 * The end that takes nothing is in `sockets` as streams are, and shut down: sending there is EPIPE.
 * A socket must be connected to come into a map, but may be shut down there.
 */
int demux_kernel_renew(struct demux_kernel *k)
{
	int fd[2], err;

	close_collector(k);
	err = loopback_pair(fd, 0);
	if (err)
		return err;
	k->collector = fd[0];
	k->end = fd[1];
	err = demux_kernel_put(k->sockets, DEMUX_END, k->end);
	if (!err)
		err = demux_kernel_put(k->map, 0, k->collector);
	if (!err && shutdown(k->end, SHUT_WR) < 0)
		err = -errno;
	if (err)
		close_collector(k);
	return err;
}

/* libbpf writes to stderr unless it is told where to. */
static int say_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

static int size_maps(struct demux *p, unsigned n_slots)
{
	int err = bpf_map__set_max_entries(p->maps.demux_sockets, n_slots);

	if (!err)
		err = bpf_map__set_max_entries(p->maps.demux_keys, n_slots);
	if (!err)
		err = bpf_map__set_max_entries(p->maps.demux_slots, n_slots);
	return err;
}

static int load_program(struct demux_kernel *k)
{
	struct demux *p = demux__open();
	int err;

	if (!p)
		return -errno;
	k->program = p;
	err = size_maps(p, k->n_slots);
	if (!err)
		err = demux__load(p);
	if (err)
		return err;
	k->sockets = bpf_map__fd(p->maps.demux_sockets);
	k->keys = bpf_map__fd(p->maps.demux_keys);
	k->map = bpf_map__fd(p->maps.demux_collector);
	k->state = &p->bss->demux_state;
	if (bpf_prog_attach(bpf_program__fd(p->progs.demux), k->map, BPF_SK_MSG_VERDICT, 0) < 0)
		return -errno;
	return 0;
}

static int map_slots(struct demux_kernel *k)
{
	struct demux *p = k->program;
	void *at = mmap(NULL, slots_len(k), PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(p->maps.demux_slots), 0);

	if (at == MAP_FAILED)
		return -errno;
	k->slots = at;
	return 0;
}

/* Returns err, with what it means. */
static int explain(int err, const char *step, char *why, size_t why_len)
{
	if (err == -EPERM || err == -EACCES)
		snprintf(why, why_len, "%s: no right to (CAP_BPF and CAP_NET_ADMIN)", step);
	else
		snprintf(why, why_len, "%s: %s", step, strerror(-err));
	return err;
}

int demux_kernel_load(struct demux_kernel *k, unsigned n_slots, char *why, size_t why_len)
{
	const char *step = "load the demux program";
	int err;

	*k = (struct demux_kernel){ .n_slots = n_slots, .collector = -1, .end = -1 };
	libbpf_set_print(say_nothing);
	err = load_program(k);
	if (!err) {
		step = "map the demux program's memory";
		err = map_slots(k);
	}
	if (!err) {
		step = "make the demux collector socket";
		err = demux_kernel_renew(k);
	}
	if (!err)
		return 0;
	demux_kernel_unload(k);
	return explain(err, step, why, why_len);
}

void demux_kernel_unload(struct demux_kernel *k)
{
	if (!k->program)
		return;
	close_collector(k);
	if (k->slots)
		munmap(k->slots, slots_len(k));
	demux__destroy(k->program);
	*k = (struct demux_kernel){ .collector = -1, .end = -1 };
}
