// SPDX-License-Identifier: GPL-2.0-or-later
// The process's only source of time.
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic uint64_t frozen_ms;

uint64_t clock_now_ms(void)
{
	uint64_t frozen = atomic_load_explicit(&frozen_ms, memory_order_relaxed);
	struct timespec ts;

	if (frozen)
		return frozen;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void clock_freeze_ms(uint64_t ms)
{
	atomic_store_explicit(&frozen_ms, ms, memory_order_relaxed);
}
