/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of a test written as hexadecimal text. */
#ifndef TESTS_UNIT_HEX_H
#define TESTS_UNIT_HEX_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define HEX_MAX 1024

/* Returns how many bytes the text stands for; spaces between bytes are skipped. */
static inline size_t hex_get(const char *text, uint8_t out[static HEX_MAX])
{
	size_t n = 0;
	unsigned byte;

	for (; n < HEX_MAX && sscanf(text, "%2x", &byte) == 1; text += 2) {
		out[n++] = (uint8_t)byte;
		while (text[2] == ' ')
			text++;
	}
	return n;
}

static inline const char *hex_put(const uint8_t *p, size_t n, char out[static 2 * HEX_MAX + 1])
{
	for (size_t i = 0; i < n && i < HEX_MAX; i++)
		sprintf(out + 2 * i, "%02x", p[i]);
	if (n == 0)
		out[0] = '\0';
	return out;
}

#endif
