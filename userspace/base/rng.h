/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers from the kernel, which a test may replace by a fixed sequence. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Fills p with n unpredictable bytes. Any thread. Never fails (aborts without a kernel source). */
void rng_bytes(void *p, size_t n);

/* Uniform in [lo, hi), without modulo bias; lo where lo >= hi. Any thread. */
uint32_t rng_range(uint32_t lo, uint32_t hi);

/* For tests: every later draw on this thread comes from `next` (NULL: the kernel again). */
void rng_replace(uint32_t (*next)(void));

#endif
