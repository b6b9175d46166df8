// SPDX-License-Identifier: GPL-2.0-or-later
// Preambles: what is read equals what was written, at every length.
#include "proto/preamble.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[PREAMBLE_HDR_LEN + 65535];
	int pad = preamble_padding(data, size);
	size_t len;

	if (size < PREAMBLE_HDR_LEN) {
		CHECK(pad == -EAGAIN);
		return 0;
	}
	CHECK(pad >= 0 && pad <= 65535);
	len = preamble_put(out, data, (uint16_t)pad);
	CHECK(len == PREAMBLE_HDR_LEN + (size_t)pad);
	CHECK(memcmp(out, data, PREAMBLE_HDR_LEN) == 0);
	CHECK(preamble_padding(out, len) == pad);
	for (size_t i = PREAMBLE_HDR_LEN; i < len; i++)
		CHECK(out[i] == 0);
	return 0;
}
