/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: a byte string made of frames. */
#ifndef TESTS_UNIT_FRAMES_H
#define TESTS_UNIT_FRAMES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

/* Zero-initialised is empty. */
struct frames {
	uint8_t *p;
	size_t n;
};

static inline void frames_raw(struct frames *f, const void *p, size_t n)
{
	f->p = realloc(f->p, f->n + n + 1);
	if (!f->p)
		abort();
	memcpy(f->p + f->n, p, n);
	f->n += n;
}

/* A header whatever it says; the data has h.len bytes. */
static inline void frames_add(struct frames *f, uint8_t cmd, uint32_t id, const void *data,
			      size_t n)
{
	uint8_t hdr[FRAME_HDR_LEN];

	if (n > FRAME_DATA_MAX)
		abort();
	frame_put(hdr, (enum frame_cmd)cmd, id, (uint16_t)n);
	frames_raw(f, hdr, sizeof(hdr));
	frames_raw(f, n ? data : "", n);
}

static inline void frames_text(struct frames *f, uint8_t cmd, uint32_t id, const char *data)
{
	frames_add(f, cmd, id, data, strlen(data));
}

/* Data of n bytes that differ from place to place. */
static inline void frames_fill(struct frames *f, uint8_t cmd, uint32_t id, size_t n)
{
	uint8_t *data = malloc(n + 1);

	if (!data)
		abort();
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)('a' + (i * 7 + i / 251 + id) % 26);
	frames_add(f, cmd, id, data, n);
	free(data);
}

static inline void frames_done(struct frames *f)
{
	free(f->p);
	*f = (struct frames){ NULL, 0 };
}

#endif
