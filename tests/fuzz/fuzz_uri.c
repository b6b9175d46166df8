// SPDX-License-Identifier: GPL-2.0-or-later
// Links: whatever is accepted, written anew, reads the same.
#include "proto/uri.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), again[URI_TEXT_MAX];
	const char *why = NULL;
	struct uri u, v;
	int n;

	CHECK(text);
	n = uri_parse(text, &u, &why);
	CHECK(n == 0 || (n == -EINVAL && why));
	free(text);
	if (n < 0)
		return 0;
	CHECK(u.host[0] && u.port > 0);
	n = uri_put(&u, again, sizeof(again));
	if (n == -ENOSPC)
		return 0;
	CHECK(n > 0 && (size_t)n == strlen(again));
	CHECK(uri_parse(again, &v, &why) == 0);
	CHECK(strcmp(u.host, v.host) == 0 && u.port == v.port &&
	      strcmp(u.password, v.password) == 0);
	CHECK(strcmp(u.sni, v.sni) == 0 && u.no_sni == v.no_sni && u.insecure == v.insecure);
	CHECK(strcmp(u.alpn, v.alpn) == 0 && strcmp(u.label, v.label) == 0);
	return 0;
}
