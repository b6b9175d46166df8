/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The demux program in the kernel: loaded, attached, its maps, and the collector socket. Where this
 * is included, demux.h is not: the skeleton behind it has a struct of that name.
 */
#ifndef DATAPATH_DEMUX_LOAD_H
#define DATAPATH_DEMUX_LOAD_H

#include <stddef.h>

#include "bpf/demux.h"

struct demux_kernel {
	void *program; /* the skeleton */
	struct demux_state *state;
	struct demux_slot *slots; /* `n_slots`; number DEMUX_END is no stream's */
	unsigned n_slots;
	int sockets, keys, map; /* of the collector; borrowed from the skeleton */
	int collector;		/* what is spliced into it runs the program; -1: there is none */
	int end;		/* its other end, in slot DEMUX_END */
};

/*
 * Makes it all. 0, or -errno and one reason of at most why_len - 1 characters; then nothing is left
 * behind.
 */
int demux_kernel_load(struct demux_kernel *k, unsigned n_slots, char *why, size_t why_len);
/* Releases it. Zero-initialised or released before, it is ignored. */
void demux_kernel_unload(struct demux_kernel *k);

/* Replaces the collector by a new one. 0, or -errno and there is none. */
int demux_kernel_renew(struct demux_kernel *k);

/* Puts a socket into a slot of `sockets`. 0 or -errno. */
int demux_kernel_put(int map, __u32 slot, int fd);

#endif
