/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory for secrets, and comparing them without telling how far they agree. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * n zero bytes that are neither dumped nor, where RLIMIT_MEMLOCK allows, swapped; whole pages,
 * so meant for few and long-lived secrets. NULL without memory. secret_free() wipes.
 */
void *secret_alloc(size_t n);

/* Wipes and releases what secret_alloc(n) gave; NULL is ignored. */
void secret_free(void *p, size_t n);

/* Keeps memory that is there already from being swapped, where RLIMIT_MEMLOCK allows. NULL is ignored. */
void secret_lock(const void *p, size_t n);

/* Overwrites n bytes; never optimised away. */
void secret_wipe(void *p, size_t n);

/* Whether n bytes are equal, in time that depends on n alone. */
bool secret_equal(const void *a, const void *b, size_t n);

#endif
