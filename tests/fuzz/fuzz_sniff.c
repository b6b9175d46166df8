// SPDX-License-Identifier: GPL-2.0-or-later
// Sniffed names: an answer stands whatever follows, and a name is one in lower case.
#include "proto/sniff.h"

#include <string.h>

#include "fuzz.h"

static void check_name(const char *name)
{
	size_t n = strlen(name);

	CHECK(n > 0 && n <= SNIFF_NAME_MAX);
	CHECK(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n);
	CHECK(name[0] != '.' && name[n - 1] != '.' && !strstr(name, ".."));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char whole[SNIFF_NAME_MAX + 1], part[SNIFF_NAME_MAX + 1];
	enum sniff found = sniff_name(data, size, whole);
	/* every cut of what is short, some of what is long */
	size_t step = size / 600 + 1;

	CHECK(found != SNIFF_MORE || size < SNIFF_MAX);
	if (found == SNIFF_FOUND)
		check_name(whole);
	for (size_t cut = 0; cut < size; cut += step) {
		enum sniff early = sniff_name(data, cut, part);

		CHECK(early == SNIFF_MORE || early == found);
		CHECK(early != SNIFF_FOUND || strcmp(part, whole) == 0);
	}
	return 0;
}
