/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The authentication preamble: password hash, padding length, padding (protocol notes 1). */
#ifndef PROTO_PREAMBLE_H
#define PROTO_PREAMBLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PREAMBLE_HASH_LEN 32
#define PREAMBLE_HDR_LEN  34
#define PREAMBLE_PAD_MAX                                                                           \
	4062 /* what we send at most: caddy-anytls peeks 4096 (protocol notes 1.2) */

/*
 * How many bytes of padding follow the 34 bytes at p: 0..65535.
 * 0 bytes or more: the value; -EAGAIN: fewer than 34 bytes yet (n < 34).
 */
int preamble_padding(const uint8_t *p, size_t n);

/* Writes hash, length and `pad` zero bytes to p, which has PREAMBLE_HDR_LEN + pad bytes; returns
 * that length. */
size_t preamble_put(uint8_t *p, const uint8_t hash[static PREAMBLE_HASH_LEN], uint16_t pad);

#endif
