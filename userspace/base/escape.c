// SPDX-License-Identifier: GPL-2.0-or-later
// Escapes what is no printable text.
#include "base/escape.h"

#include <stdio.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at p, or 0. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t len = p[0] < 0x80		   ? 1
		     : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		     : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		     : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						   : 0;

	if (len == 0 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* C1 controls, surrogates and over-long forms are no text */
	if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) ||
	    (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* U+202A..202E, U+2066..2069, U+200E, U+200F: what follows would be shown elsewhere. */
static bool turns(const unsigned char *p, size_t len)
{
	if (len != 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae))) ||
	       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

size_t escape_text(char *out, const char *text, size_t n, bool json)
{
	size_t used = 0;

	for (size_t i = 0; i < n;) {
		const unsigned char *p = (const unsigned char *)text + i;
		size_t len = utf8_len(p, n - i);

		if (len == 0 || p[0] < 0x20 || p[0] == 0x7f || turns(p, len)) {
			used += (size_t)sprintf(out + used, json ? "\\u%04x" : "\\x%02x", p[0]);
			i++;
			continue;
		}
		if (p[0] == '\\' || (json && p[0] == '"'))
			out[used++] = '\\';
		memcpy(out + used, p, len);
		used += len;
		i += len;
	}
	return used;
}
