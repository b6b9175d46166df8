// SPDX-License-Identifier: GPL-2.0-or-later
// Which protocol a connection's first byte announces, and what passes for a name.
#include "proto/sniff_impl.h"

#include <stdbool.h>

#define LABEL_MAX     63
#define TLS_HANDSHAKE 22

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* As names are found in the wild: an underscore is no letter of a host name, but it is used. */
static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
	       c == '_';
}

/* Labels of 1 to 63 letters. The last one is not a number: that would be an IPv4 address. */
static bool is_name(const uint8_t *p, size_t n)
{
	size_t label = 0;
	bool number = true;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
			number = true;
			continue;
		}
		if (!is_letter(p[i]) || ++label > LABEL_MAX)
			return false;
		number = number && is_digit(p[i]);
	}
	return label > 0 && !number;
}

enum sniff sniff_host(const uint8_t *p, size_t n, char ret[static SNIFF_NAME_MAX + 1])
{
	if (n > 0 && p[n - 1] == '.')
		n--;
	if (n > SNIFF_NAME_MAX || !is_name(p, n))
		return SNIFF_NONE;
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + ('a' - 'A') : p[i]);
	ret[n] = 0;
	return SNIFF_FOUND;
}

enum sniff sniff_name(const uint8_t *p, size_t n, char ret[static SNIFF_NAME_MAX + 1])
{
	enum sniff found = SNIFF_NONE;

	if (n == 0)
		return SNIFF_MORE;
	if (n > SNIFF_MAX)
		n = SNIFF_MAX;
	if (p[0] == TLS_HANDSHAKE)
		found = sniff_tls(p, n, ret);
	else if (p[0] >= 'A' && p[0] <= 'Z')
		found = sniff_http(p, n, ret);
	return found == SNIFF_MORE && n == SNIFF_MAX ? SNIFF_NONE : found;
}
