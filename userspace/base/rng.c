// SPDX-License-Identifier: GPL-2.0-or-later
// getrandom(2), read ahead in small blocks per thread.
#include "base/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static _Thread_local uint8_t block[256];
static _Thread_local size_t left;
static _Thread_local uint32_t (*replacement)(void);

static void read_kernel(uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}

void rng_bytes(void *p, size_t n)
{
	read_kernel(p, n);
}

static uint32_t draw(void)
{
	uint32_t v;

	if (replacement)
		return replacement();
	if (left < sizeof(v)) {
		read_kernel(block, sizeof(block));
		left = sizeof(block);
	}
	left -= sizeof(v);
	memcpy(&v, block + left, sizeof(v));
	return v;
}

uint32_t rng_range(uint32_t lo, uint32_t hi)
{
	uint32_t span, excess, v;

	if (lo >= hi)
		return lo;
	span = hi - lo;
	excess = -span % span; /* 2^32 mod span: draws below it would favour small results */
	do {
		v = draw();
	} while (v < excess);
	return lo + v % span;
}

void rng_replace(uint32_t (*next)(void))
{
	replacement = next;
}
