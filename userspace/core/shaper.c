// SPDX-License-Identifier: GPL-2.0-or-later
// The padding algorithm, one write at a time.
#include "core/shaper.h"

#include "base/rng.h"
#include "proto/frame.h"

bool shaper_active(const struct shaper *sh)
{
	return sh->packet < sh->scheme->stop;
}

struct shaper_run shaper_begin(struct shaper *sh)
{
	struct shaper_run run = { 0 };

	if (shaper_active(sh))
		run.items = padding_items(sh->scheme, sh->packet);
	if (sh->packet < UINT32_MAX)
		sh->packet++;
	return run;
}

static uint32_t draw(const struct padding_item *item)
{
	uint32_t size = rng_range(item->lo, item->hi);

	return size < SHAPER_SIZE_MAX ? size : SHAPER_SIZE_MAX;
}

static void fill(size_t left, uint32_t size, struct shaper_write *ret)
{
	if (left > size)
		*ret = (struct shaper_write){ size, -1 };
	else if (left == 0)
		*ret = (struct shaper_write){ 0, (int32_t)size };
	else if (size > left + FRAME_HDR_LEN)
		*ret = (struct shaper_write){ left, (int32_t)(size - left - FRAME_HDR_LEN) };
	else
		*ret = (struct shaper_write){ left, -1 };
}

static bool finish(struct shaper_run *run, size_t left, struct shaper_write *ret)
{
	run->writes = SHAPER_WRITES_MAX;
	*ret = (struct shaper_write){ left, -1 };
	return left > 0;
}

bool shaper_next(struct shaper_run *run, size_t left, struct shaper_write *ret)
{
	struct padding_item item;

	while (run->writes < SHAPER_WRITES_MAX && padding_next(&run->items, &item)) {
		if (item.check && left == 0)
			return finish(run, 0, ret);
		if (item.check)
			continue;
		run->writes++;
		fill(left, draw(&item), ret);
		return true;
	}
	return finish(run, left, ret);
}
