// SPDX-License-Identifier: GPL-2.0-or-later
// Reading padding schemes as peers do: the text is scanned anew for every packet.
#include "proto/padding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "proto/decimal.h"
#include "proto/settings.h"

const char padding_default[] = "stop=8\n"
			       "0=30-30\n"
			       "1=100-400\n"
			       "2=400-500,c,500-1000,c,500-1000,c,500-1000,c,500-1000\n"
			       "3=9-9,500-1000\n"
			       "4=500-1000\n"
			       "5=500-1000\n"
			       "6=500-1000\n"
			       "7=500-1000";

static uint32_t saturate(int64_t v)
{
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

int padding_parse(const char *text, size_t len, struct padding *ret)
{
	const char *value;
	ssize_t value_len;
	int64_t stop;

	if (len > PADDING_TEXT_MAX)
		return -EINVAL;
	value_len = settings_find(text, len, "stop", &value);
	if (value_len < 0 || decimal_parse(value, (size_t)value_len, &stop) < 0 || stop < 0)
		return -EINVAL;
	*ret = (struct padding){ .text = text, .len = len, .stop = saturate(stop) };
	return 0;
}

struct padding_iter padding_items(const struct padding *s, uint32_t packet)
{
	const char *value;
	ssize_t len;
	char key[11];

	snprintf(key, sizeof(key), "%u", packet);
	len = settings_find(s->text, s->len, key, &value);
	if (len < 0)
		return (struct padding_iter){ .p = NULL };
	return (struct padding_iter){ value, value + len };
}

/* One item between commas; false where peers skip it. */
static bool parse_item(const char *p, size_t n, struct padding_item *ret)
{
	const char *dash = memchr(p, '-', n), *end = p + n;
	int64_t a, b;

	if (n == 1 && p[0] == 'c') {
		*ret = (struct padding_item){ .check = true };
		return true;
	}
	/* a second dash would be three parts, also where it could be a sign */
	if (!dash || memchr(dash + 1, '-', (size_t)(end - dash - 1)) ||
	    decimal_parse(p, (size_t)(dash - p), &a) < 0 ||
	    decimal_parse(dash + 1, (size_t)(end - dash - 1), &b) < 0 || a <= 0 || b <= 0)
		return false;
	*ret = (struct padding_item){ .lo = saturate(a < b ? a : b),
				      .hi = saturate(a < b ? b : a) };
	return true;
}

bool padding_next(struct padding_iter *it, struct padding_item *ret)
{
	while (it->p) {
		const char *p = it->p;
		const char *comma = memchr(p, ',', (size_t)(it->end - p));

		it->p = comma ? comma + 1 : NULL;
		if (parse_item(p, (size_t)((comma ? comma : it->end) - p), ret))
			return true;
	}
	return false;
}

uint16_t padding_preamble(const struct padding *s, uint16_t max)
{
	struct padding_iter it = padding_items(s, 0);
	struct padding_item item;
	uint32_t size;

	if (!padding_next(&it, &item) || item.check)
		return 0;
	size = rng_range(item.lo, item.hi);
	return size < max ? (uint16_t)size : max;
}
