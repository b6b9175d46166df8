/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: records as a hostile peer makes them: good seals over anything. */
#ifndef TESTS_UNIT_FORGE_H
#define TESTS_UNIT_FORGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/record.h"

#define FORGE_MAX  (RECORD_HDR_LEN + 65536) /* the longest record that a header can announce */
#define FORGE_TEXT 20000		    /* what fits in with its padding */

/* Seals content, type and padding, none of which has to make sense. Returns the record's length. */
static inline size_t forge(struct record_crypto *rc, struct record_dir *tx, unsigned type,
			   const void *content, size_t n, size_t pad, uint8_t *out)
{
	uint8_t inner[FORGE_TEXT + 1] = { 0 };
	struct iovec iov = { inner, n + pad };
	struct record_src src = { &iov, 0 };
	ssize_t len;

	assert_true(n + pad <= FORGE_TEXT);
	if (n > 0)
		memcpy(inner, content, n);
	inner[n] = (uint8_t)type;
	/* the last byte of the whole is what record_seal() takes for the type */
	len = record_seal(rc, tx, (enum record_type)inner[n + pad], &src, n + pad, out);
	assert_int_equal(len, n + pad + RECORD_OVERHEAD);
	return (size_t)len;
}

/* Keys of a suite, the same for the same seed. */
static inline struct tls_half forge_keys(struct record_crypto *rc, enum tls_suite s, unsigned seed)
{
	struct tls_half h = { 0 };

	for (unsigned i = 0; i < tls_secret_len(s); i++)
		h.secret[i] = (uint8_t)(seed * 31 + i * 7);
	assert_int_equal(tls_half_install(rc->kdf, s, &h), 0);
	return h;
}

#endif
