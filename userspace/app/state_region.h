/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that other programs may look at: bpf/abi.h's arrays, made, mapped and taken away. */
#ifndef APP_STATE_REGION_H
#define APP_STATE_REGION_H

#include "app/config.h"
#include "app/state_dir.h"
#include "bpf/abi.h"

enum state_array { STATE_HEADER, STATE_WORKERS, STATE_SESSIONS, STATE_STREAMS, STATE_ARRAYS };

extern const char *const state_array_names[STATE_ARRAYS];

struct state_map {
	void *p;
	size_t len; /* bytes mapped */
	int fd;	    /* of a file that memory is still asked for; else -1 */
};

struct state_region {
	struct state_dir dir;  /* control socket, and the files or a link to the pins */
	struct state_dir pins; /* in bpffs; fd -1 without BPF */
	struct state_map maps[STATE_ARRAYS];
	struct state_header *header;
	struct state_counters *workers;
	struct state_session *sessions;
	struct state_stream *streams;
};

/*
 * For n_workers workers; takes over what a dead daemon left. Before privileges are dropped: the
 * folders then go to the configured user. NULL where nothing can be shown, with a reason in why;
 * else why says where it is, and perhaps why not in BPF maps.
 */
struct state_region *state_region_open(const struct config *c, unsigned n_workers, char *why,
				       size_t why_len);
/* After the last worker ended, who has wiped its slots: takes everything away. NULL is ignored. */
void state_region_close(struct state_region *r);

/* First of the slots of a worker, of n slots in all; that of the worker after the last one is n. */
static inline uint32_t state_first(uint32_t n, unsigned worker, unsigned workers)
{
	return (uint32_t)((uint64_t)n * worker / workers);
}

/* Has bytes of an array backed by memory, so that storing there cannot fail. 0 or -errno. */
int state_region_back(struct state_region *r, enum state_array array, size_t off, size_t len);

/* The ways to make the arrays, `elements` of `sizes` bytes each, in r->dir or r->pins. 0, or -errno
 * and a reason. Leave nothing behind on failure. */
struct state_shape {
	size_t elements[STATE_ARRAYS], sizes[STATE_ARRAYS];
};
int state_files_open(struct state_region *r, const struct state_shape *s, char *why,
		     size_t why_len);
int state_maps_open(struct state_region *r, const struct state_shape *s, char *why, size_t why_len);

#endif
