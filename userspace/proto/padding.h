/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Padding schemes: reading their text, and the item list of one packet (protocol notes 4.1). */
#ifndef PROTO_PADDING_H
#define PROTO_PADDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PADDING_TEXT_MAX 65535

/* The scheme that every peer starts with (protocol notes 4.2): 137 bytes. */
extern const char padding_default[];

/* A scheme: its text, which it borrows, and what was read from it once. */
struct padding {
	const char *text;
	size_t len;
	uint32_t stop; /* packets 1..stop-1 are shaped; key 0 is used whatever it says */
};

/* One item: a check, or a size drawn from [lo, hi), which is lo itself where both are equal. */
struct padding_item {
	bool check; /* "c" */
	uint32_t lo, hi;
};

/* Walks over the items of one packet; see padding_items(). */
struct padding_iter {
	const char *p, *end;
};

/*
 * Reads the scheme; `text` must outlive it. -EINVAL: no key=value line, `stop` missing, not a
 * decimal integer or negative, or longer than PADDING_TEXT_MAX. Unusable items are no error here
 * (peers skip them one by one). The last of repeated keys counts. `stop` saturates at UINT32_MAX.
 */
int padding_parse(const char *text, size_t len, struct padding *ret);

/* Starts over the items of `packet`. Without such a key there are none. */
struct padding_iter padding_items(const struct padding *s, uint32_t packet);

/* The next usable item; false at the end. Skips what does not parse as Go does; a-b with a > b is
 * swapped. Sizes saturate at UINT32_MAX: the caller clamps. */
bool padding_next(struct padding_iter *it, struct padding_item *ret);

/*
 * For our own configuration (protocol notes 4.1, 4.7): the first line that is not clean, i.e. no
 * key=value, bad key, unusable item, size above 65535, key 0 starting with a check, CR. Returns
 * NULL for a good scheme, else a static text with what is wrong, and *ret_line (from 1).
 */
const char *padding_lint(const char *text, size_t len, unsigned *ret_line);

/* Draws the padding length of the preamble: the first item of key 0, at most `max`; 0 where it is
 * no size. */
uint16_t padding_preamble(const struct padding *s, uint16_t max);

#endif
