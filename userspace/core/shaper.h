/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts a session's packets into the writes that the padding scheme asks for (protocol
 * notes 4.4, 4.5). */
#ifndef CORE_SHAPER_H
#define CORE_SHAPER_H

#include "proto/padding.h"

/* No scheme, ours or a peer's, makes us write more than this for one packet. */
#define SHAPER_WRITES_MAX 64
#define SHAPER_SIZE_MAX	  65535

/* One session's place in its scheme. */
struct shaper {
	const struct padding *scheme; /* borrowed; may be exchanged between packets */
	uint32_t packet; /* number of the next packet; the first one after the preamble is 1 */
};

/* One packet being written. */
struct shaper_run {
	struct padding_iter items;
	unsigned writes;
};

/* One TLS write: `take` bytes off the packet's front, then a Waste frame with `waste` data bytes,
 * if >= 0. */
struct shaper_write {
	size_t take;
	int32_t waste;
};

/* Whether the next packet is shaped; where not, it is written unmodified, and counts all the same.
 */
bool shaper_active(const struct shaper *sh);

/* Begins the next packet. */
struct shaper_run shaper_begin(struct shaper *sh);

/*
 * The next write of a packet of which `left` bytes are still to be written; false when the packet
 * is finished. Between two calls the caller takes `take` off `left`. Takes all that is left once
 * the items are used up.
 */
bool shaper_next(struct shaper_run *run, size_t left, struct shaper_write *ret);

#endif
