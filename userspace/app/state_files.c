// SPDX-License-Identifier: GPL-2.0-or-later
// The region as files, which take memory only where something was ever shown.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "app/state_region.h"
#include "base/fd.h"

static int make(struct state_region *r, enum state_array array, size_t len)
{
	struct state_map *m = &r->maps[array];
	int err;

	m->fd = openat(r->dir.fd, state_array_names[array],
		       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (m->fd < 0 || ftruncate(m->fd, (off_t)len) < 0)
		return -errno;
	/* these are small, and written by whoever does not ask first */
	if (array == STATE_HEADER || array == STATE_WORKERS) {
		err = state_region_back(r, array, 0, len);
		if (err)
			return err;
	}
	m->p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (m->p == MAP_FAILED) {
		m->p = NULL;
		return -errno;
	}
	m->len = len;
	return 0;
}

int state_files_open(struct state_region *r, const struct state_shape *s, char *why, size_t why_len)
{
	for (int i = 0; i < STATE_ARRAYS; i++) {
		int err = make(r, i, s->elements[i] * s->sizes[i]);

		if (err) {
			snprintf(why, why_len, "%s/%s: %s", r->dir.path, state_array_names[i],
				 strerror(-err));
			return err;
		}
	}
	return 0;
}
