// SPDX-License-Identifier: GPL-2.0-or-later
// What a scheme of our own must look like, so that every peer reads it alike.
#include <string.h>

#include "proto/decimal.h"
#include "proto/padding.h"

#define SIZE_MAX_SENT 65535 /* one Waste frame */
#define PREAMBLE_MAX  16350 /* with the preamble's 34 bytes what Go peers send at most */

/* Digits without a sign or leading zeros: the one spelling that all peers take. */
static bool plain_number(const char *p, size_t n, int64_t *ret)
{
	bool plain = n > 0 && p[0] >= '0' && p[0] <= '9' && (n == 1 || p[0] != '0');

	return plain && decimal_parse(p, n, ret) == 0;
}

static const char *lint_size(const char *p, size_t n, int64_t max)
{
	const char *dash = memchr(p, '-', n);
	int64_t lo, hi;

	if (!dash || !plain_number(p, (size_t)(dash - p), &lo) ||
	    !plain_number(dash + 1, (size_t)(p + n - dash - 1), &hi))
		return "an item is neither \"c\" nor \"min-max\"";
	if (lo == 0 || hi == 0)
		return "a size of 0 is skipped by peers";
	if (lo > max || hi > max)
		return max == PREAMBLE_MAX ? "a size of key 0 is above 16350"
					   : "a size is above 65535";
	return NULL;
}

static const char *lint_items(const char *p, size_t n, bool preamble)
{
	const char *end = p + n, *why = NULL;

	if (preamble && n > 0 && p[0] == 'c')
		return "key 0 starts with a check";
	while (p && !why) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t len = (size_t)((comma ? comma : end) - p);

		if (len != 1 || p[0] != 'c')
			why = lint_size(p, len, preamble ? PREAMBLE_MAX : SIZE_MAX_SENT);
		p = comma ? comma + 1 : NULL;
	}
	return why;
}

static const char *lint_line(const char *p, size_t n)
{
	const char *eq = memchr(p, '=', n);
	size_t key_len = eq ? (size_t)(eq - p) : 0, value_len = n - key_len - 1;
	int64_t number;

	if (memchr(p, '\r', n))
		return "a carriage return: lines end with LF alone";
	if (!eq)
		return "not key=value";
	if (key_len == 4 && memcmp(p, "stop", 4) == 0)
		return plain_number(eq + 1, value_len, &number) && number <= UINT32_MAX
			       ? NULL
			       : "stop is not a number of packets";
	if (!plain_number(p, key_len, &number) || number > UINT32_MAX)
		return "the key is neither \"stop\" nor a packet number";
	return lint_items(eq + 1, value_len, number == 0);
}

const char *padding_lint(const char *text, size_t len, unsigned *ret_line)
{
	struct padding scheme;
	const char *why = NULL, *p = text, *end = text + len;
	unsigned line = 0;

	if (len > PADDING_TEXT_MAX)
		why = "longer than 65535 bytes";
	while (!why && p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		line++;
		why = lint_line(p, (size_t)((eol ? eol : end) - p));
		p = eol ? eol + 1 : end;
	}
	if (!why && padding_parse(text, len, &scheme) < 0)
		why = "\"stop\" is missing";
	if (why)
		*ret_line = line > 0 ? line : 1;
	return why;
}
