// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever the scheme says, a packet leaves whole, in order, and in a bounded number of writes.
#include "core/shaper.h"

#include <string.h>

#include "base/rng.h"
#include "fuzz.h"
#include "proto/frame.h"

#define PACKETS 12

static uint32_t seed;

/* The same input must draw the same sizes. */
static uint32_t next_draw(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed;
}

static void check_packet(struct shaper *sh, size_t left)
{
	bool active = shaper_active(sh);
	uint32_t before = sh->packet;
	struct shaper_run run = shaper_begin(sh);
	struct shaper_write w;
	unsigned writes = 0;

	CHECK(sh->packet == (before < UINT32_MAX ? before + 1 : before));
	while (shaper_next(&run, left, &w)) {
		CHECK(w.take <= left);
		CHECK(w.take > 0 || w.waste >= 0);
		CHECK(w.waste >= -1 && w.waste <= SHAPER_SIZE_MAX);
		/* data and its Waste frame are one item's size; Waste alone is its frame longer */
		CHECK(w.waste < 0 || w.take == 0 ||
		      w.take + FRAME_HDR_LEN + (size_t)w.waste <= SHAPER_SIZE_MAX);
		/* Waste never comes between two parts of the packet: it ends it */
		CHECK(w.waste < 0 || w.take == left);
		CHECK(active || (writes == 0 && w.waste < 0 && w.take == left));
		left -= w.take;
		CHECK(++writes <= SHAPER_WRITES_MAX + 1);
	}
	CHECK(left == 0);
	CHECK(!shaper_next(&run, 0, &w));
}

/* Two bytes for each packet's size, then the scheme's text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct padding p;
	struct shaper sh = { .scheme = &p, .packet = 1 };

	if (size < 2 * PACKETS ||
	    padding_parse((const char *)data + 2 * PACKETS, size - 2 * PACKETS, &p) < 0)
		return 0;
	seed = (uint32_t)size;
	rng_replace(next_draw);
	for (size_t i = 0; i < PACKETS; i++)
		check_packet(&sh, 1 + (size_t)data[2 * i] * 1021 + data[2 * i + 1]);
	rng_replace(NULL);
	return 0;
}
