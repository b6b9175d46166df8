// SPDX-License-Identifier: GPL-2.0-or-later
// The bytes of the authentication preamble; comparing hashes is core's affair.
#include "proto/preamble.h"

#include <errno.h>
#include <string.h>

#include "base/be.h"

int preamble_padding(const uint8_t *p, size_t n)
{
	if (n < PREAMBLE_HDR_LEN)
		return -EAGAIN;
	return get_be16(p + PREAMBLE_HASH_LEN);
}

size_t preamble_put(uint8_t *p, const uint8_t hash[static PREAMBLE_HASH_LEN], uint16_t pad)
{
	memcpy(p, hash, PREAMBLE_HASH_LEN);
	put_be16(p + PREAMBLE_HASH_LEN, pad);
	memset(p + PREAMBLE_HDR_LEN, 0, pad);
	return PREAMBLE_HDR_LEN + (size_t)pad;
}
