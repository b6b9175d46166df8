/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: what kernel TLS this machine has, found out by trying. */
#ifndef TESTS_UNIT_KTLS_HERE_H
#define TESTS_UNIT_KTLS_HERE_H

#include "tcp_bed.h"
#include "wire/ktls.h"

/* What setting a key twice says: -ENOENT or the like (no kernel TLS), -EBUSY (no new keys), 0. */
static inline int ktls_twice(void)
{
	static const struct tls_half half = { .key = { 1 }, .iv = { 2 } };
	int pair[2], err;

	bed_tcp_pair(pair, 0);
	err = ktls_attach(pair[1]);
	if (!err)
		err = ktls_install(pair[1], KTLS_TX, TLS_SUITE_AES_128_GCM, &half);
	if (err == -EBUSY)
		err = -EIO; /* not yet */
	if (!err)
		err = ktls_install(pair[1], KTLS_TX, TLS_SUITE_AES_128_GCM, &half);
	close(pair[0]);
	close(pair[1]);
	return err;
}

static inline bool ktls_here(void)
{
	int err = ktls_twice();

	return err == 0 || err == -EBUSY;
}

static inline bool ktls_rekeys(void)
{
	return ktls_twice() == 0;
}

/* In place of a test that needs it. */
static inline void ktls_lacking(void **state)
{
	(void)state;
	print_message("skipped: no kernel TLS here\n");
	skip();
}

#endif
