/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One array of a region, opened for reading: a pinned BPF map or a file. */
#ifndef APP_STATE_SOURCE_H
#define APP_STATE_SOURCE_H

#include "app/state_read.h"

/*
 * Opens `name` in the folder, or bpf/NAME in it, of n elements of `size` bytes. 0, or -errno with a
 * reason: -EPROTO where it is smaller.
 */
int state_source_open(struct state_source *s, int dir, const char *name, uint32_t n, size_t size,
		      char *why, size_t why_len);
/* n bytes from off on; 0, or -EIO where they are not there (any more). */
int state_source_read(const struct state_source *s, size_t off, void *to, size_t n);
void state_source_close(struct state_source *s);

#endif
