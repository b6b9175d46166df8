// SPDX-License-Identifier: GPL-2.0-or-later
// Settings texts: values lie inside the text, and what is written reads back.
#include "proto/settings.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

static void check_find(const char *text, size_t n, const char *key)
{
	const char *value = NULL;
	ssize_t len = settings_find(text, n, key, &value);
	size_t key_len = strlen(key);

	if (len < 0) {
		CHECK(len == -ENOENT && !value);
		return;
	}
	CHECK(value >= text + key_len + 1 && value + len <= text + n);
	CHECK(value[-1] == '=' && memcmp(value - 1 - key_len, key, key_len) == 0);
	CHECK(value - 1 - key_len == text || value[-2 - (ssize_t)key_len] == '\n');
	CHECK(!memchr(value, '\n', (size_t)len));
	CHECK(value + len == text + n || value[len] == '\n');
	/* the last one counts: nothing behind it has the key */
	CHECK(settings_find(value + len, (size_t)(text + n - value - len), key, &value) == -ENOENT);
}

static void check_put(const char *client)
{
	static char out[65536];
	static const char md5[33] = "75cff2ad89aadf5e257059ee571ebe11";
	ssize_t n = settings_put(out, sizeof(out), client, md5), len;
	const char *value;

	if (n < 0) {
		CHECK(n == -ENOSPC && strlen(client) > 65000);
		return;
	}
	CHECK(settings_version(out, (size_t)n) == 2);
	len = settings_find(out, (size_t)n, "client", &value);
	CHECK(len >= 0 && (size_t)len == strlen(client) && memcmp(value, client, (size_t)len) == 0);
	len = settings_find(out, (size_t)n, "padding-md5", &value);
	CHECK(len == 32 && memcmp(value, md5, 32) == 0);
	CHECK(settings_put(out, (size_t)n - 1, client, md5) == -ENOSPC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *value;
	ssize_t len;
	char *client;

	check_find(text, size, "v");
	check_find(text, size, "client");
	check_find(text, size, "padding-md5");
	CHECK(settings_version(text, size) >= 1);
	len = settings_find(text, size, "client", &value);
	if (len < 0)
		return 0;
	client = strndup(value, (size_t)len);
	CHECK(client);
	check_put(client);
	free(client);
	return 0;
}
