/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: two ends of a record layer with the same keys, and room for a record. */
#ifndef TESTS_UNIT_RECORD_PAIR_H
#define TESTS_UNIT_RECORD_PAIR_H

#include "forge.h"

static struct record_crypto rc;
static struct record_dir tx, rx;
static uint8_t text[FORGE_TEXT], record[FORGE_MAX], opened[FORGE_MAX];

static inline int set_up(void **state)
{
	const enum tls_suite suite = *state ? *(enum tls_suite *)*state : TLS_SUITE_AES_128_GCM;
	struct tls_half keys;

	assert_int_equal(record_crypto_init(&rc), 0);
	keys = forge_keys(&rc, suite, 1);
	record_dir_init(&tx, suite, &keys, true);
	record_dir_init(&rx, suite, &keys, false);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 131 + i / 251);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	record_dir_done(&rc, &tx);
	record_dir_done(&rc, &rx);
	record_crypto_done(&rc);
	return 0;
}

#endif
