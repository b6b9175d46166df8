/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monotonic time in milliseconds, which a test may replace. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC, or what the test set. Any thread. */
uint64_t clock_now_ms(void);

/* For tests: time stands still at `ms` for the whole process; 0 gives the real clock back. */
void clock_freeze_ms(uint64_t ms);

#endif
