/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockmap engine of a worker: the program in the kernel, its pipe, and whose its slots are. */
#ifndef APP_LINK_SOCKMAP_H
#define APP_LINK_SOCKMAP_H

#include "app/link.h"
#include "app/stream.h"
#include "datapath/demux.h"

struct sockmap {
	struct demux *demux;
	struct relay_pipe pipe;	 /* PIPE_NARROW */
	struct stream **streams; /* by slot */
};

/* Loads the program, with the rights that are gone later. NULL with a reason. */
struct sockmap *sockmap_new(unsigned streams, char *why, size_t why_len);
void sockmap_free(struct sockmap *m);

/* Whether the session's next large frames go through the program; its stream is made known to it.
 */
bool link_maps(struct link *l, struct stream *st);
/*
 * The n bytes in the worker's narrow pipe, as far as the program takes them. Returns how many they
 * were, or -EIO: the session has ended.
 */
ssize_t link_map_push(struct link *l, size_t n);

/* A stream's queue changed, or it ended. */
void stream_map_account(struct stream *st);
void stream_map_end(struct stream *st);

#endif
