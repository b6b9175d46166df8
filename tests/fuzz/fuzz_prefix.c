// SPDX-License-Identifier: GPL-2.0-or-later
// Lines of prefixes: each that is accepted reads the same when written anew, and the list finds it.
#include "base/prefix.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fuzz.h"

static void check_text(const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix again;

	CHECK(p->family == AF_INET || p->family == AF_INET6);
	CHECK(p->len <= (p->family == AF_INET ? 32 : 128));
	prefix_text(p, text);
	CHECK(prefix_parse(text, strlen(text), &again) == 0);
	CHECK(prefix_compare(p, &again) == 0);
}

static void check_list(const struct prefix_list *raw)
{
	struct prefix_list normal = { 0 };

	CHECK(prefix_list_add_all(&normal, raw) == 0);
	prefix_list_normal(&normal);
	CHECK(normal.n <= raw->n);
	for (size_t i = 0; i < raw->n; i++)
		CHECK(prefix_list_has(&normal, raw->at[i].ip,
				      raw->at[i].family == AF_INET ? 4 : 16));
	for (size_t i = 1; i < normal.n; i++)
		CHECK(prefix_compare(&normal.at[i - 1], &normal.at[i]) < 0);
	prefix_list_done(&normal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size;
	struct prefix_list l = { 0 };

	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);
		struct prefix one;
		int err = prefix_parse(p, n, &one);

		CHECK(err == 0 || err == -EINVAL);
		if (err == 0) {
			check_text(&one);
			CHECK(prefix_list_add(&l, &one) == 0);
		}
		p += n + 1;
	}
	check_list(&l);
	prefix_list_done(&l);
	return 0;
}
