// SPDX-License-Identifier: GPL-2.0-or-later
// Locked, undumpable pages; wiping; constant-time comparison.
#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

void *secret_alloc(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, n, MADV_DONTDUMP);
	madvise(p, n, MADV_WIPEONFORK);
	mlock(p, n);
	return p;
}

void secret_free(void *p, size_t n)
{
	if (!p)
		return;
	secret_wipe(p, n);
	munmap(p, n);
}

void secret_lock(const void *p, size_t n)
{
	if (p && n > 0)
		mlock(p, n); /* the pages around it go with it */
}

void secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

bool secret_equal(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= (uint8_t)(x[i] ^ y[i]);
	return diff == 0;
}
