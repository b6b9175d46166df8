// SPDX-License-Identifier: GPL-2.0-or-later
// Looking up and writing the key=value lines that peers exchange.
#include "proto/settings.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "proto/decimal.h"

#define SETTINGS_TEXT_MAX 65535 /* what the length of one frame can say */

ssize_t settings_find(const char *text, size_t n, const char *key, const char **ret_value)
{
	const char *end = n > 0 ? text + n : text;
	size_t key_len = strlen(key);
	ssize_t len = -ENOENT;

	for (const char *line = text, *eol; line < end; line = eol + 1) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (!eol)
			eol = end;
		if ((size_t)(eol - line) > key_len && line[key_len] == '=' &&
		    memcmp(line, key, key_len) == 0) {
			*ret_value = line + key_len + 1;
			len = eol - *ret_value;
		}
		if (eol == end)
			break;
	}
	return len;
}

int settings_version(const char *text, size_t n)
{
	const char *value;
	ssize_t len = settings_find(text, n, "v", &value);
	int64_t v;

	if (len < 0 || decimal_parse(value, (size_t)len, &v) < 0 || v < 1)
		return 1;
	return v > INT_MAX ? INT_MAX : (int)v;
}

static char *put(char *out, const char *text, size_t n)
{
	memcpy(out, text, n);
	return out + n;
}

ssize_t settings_put(char *out, size_t room, const char *client, const char md5_hex[static 33])
{
	static const char head[] = "v=2\nclient=", middle[] = "\npadding-md5=";
	size_t client_len = strlen(client), md5_len = strlen(md5_hex);
	size_t fixed = sizeof(head) - 1 + sizeof(middle) - 1 + md5_len;
	size_t most = room < SETTINGS_TEXT_MAX ? room : SETTINGS_TEXT_MAX;
	char *p = out;

	if (most < fixed || most - fixed < client_len)
		return -ENOSPC;
	p = put(p, head, sizeof(head) - 1);
	p = put(p, client, client_len);
	p = put(p, middle, sizeof(middle) - 1);
	p = put(p, md5_hex, md5_len);
	return p - out;
}
