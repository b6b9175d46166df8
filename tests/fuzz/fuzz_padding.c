// SPDX-License-Identifier: GPL-2.0-or-later
// Padding schemes: items are in order and usable; their text written anew reads the same; what lint
// passes is plain.
#include "proto/padding.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

#define PACKETS	  16
#define TEXT_ROOM (4 * PADDING_TEXT_MAX)

/* Writes the items of a packet as a line of a scheme; returns how many there are. */
static size_t write_items(const struct padding *s, uint32_t packet, char *out)
{
	struct padding_iter it = padding_items(s, packet);
	struct padding_item item;
	size_t n = 0;

	out += sprintf(out, "stop=%u\n%u=", s->stop, packet);
	for (; padding_next(&it, &item); n++) {
		if (n > 0)
			*out++ = ',';
		*out = '\0';
		CHECK(item.check || (item.lo >= 1 && item.lo <= item.hi));
		if (item.check)
			out += sprintf(out, "c");
		else
			out += sprintf(out, "%u-%u", item.lo, item.hi);
	}
	return n;
}

static void check_packet(const struct padding *s, uint32_t packet)
{
	static char text[TEXT_ROOM];
	struct padding again;
	struct padding_iter a, b;
	struct padding_item x, y;
	size_t n = write_items(s, packet, text);

	if (strlen(text) > PADDING_TEXT_MAX)
		return;
	CHECK(padding_parse(text, strlen(text), &again) == 0 && again.stop == s->stop);
	a = padding_items(s, packet);
	b = padding_items(&again, packet);
	for (; n > 0; n--) {
		CHECK(padding_next(&a, &x) && padding_next(&b, &y));
		CHECK(x.check == y.check && (x.check || (x.lo == y.lo && x.hi == y.hi)));
	}
	CHECK(!padding_next(&a, &x) && !padding_next(&b, &y));
}

/* A scheme that lint passes is accepted, and every size of it can be sent. */
static void check_clean(const struct padding *s)
{
	struct padding_item item;

	for (uint32_t packet = 0; packet < PACKETS; packet++) {
		struct padding_iter it = padding_items(s, packet);

		for (bool first = true; padding_next(&it, &item); first = false) {
			CHECK(!(packet == 0 && first && item.check));
			CHECK(item.check || item.hi <= (packet == 0 ? 16350 : 65535));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *why;
	struct padding s;
	unsigned line = 0;
	int err = padding_parse(text, size, &s);

	CHECK(err == 0 || err == -EINVAL);
	why = padding_lint(text, size, &line);
	CHECK(why ? line >= 1 && line <= size + 1 : err == 0);
	if (err)
		return 0;
	CHECK(padding_preamble(&s, 4062) <= 4062);
	for (uint32_t packet = 0; packet < PACKETS; packet++)
		check_packet(&s, packet);
	check_packet(&s, UINT32_MAX);
	if (!why)
		check_clean(&s);
	return 0;
}
