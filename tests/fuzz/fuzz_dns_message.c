// SPDX-License-Identifier: GPL-2.0-or-later
// DNS messages: a question lies within its message, and answers itself alone.
#include "proto/dns_message.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_message m, again;
	uint8_t copy[12 + 255 + 4];
	size_t n;

	if (dns_message_parse(data, size, &m) != 0)
		return 0;
	n = 12 + m.question_len;
	CHECK(size >= n && n <= sizeof(copy) && m.question == data + 12);
	CHECK(dns_message_answers(&m, m.question, m.question_len));
	memcpy(copy, data, n);
	dns_message_set_id(copy, 0x1234);
	CHECK(dns_message_parse(copy, n, &again) == 0 && again.id == 0x1234);
	CHECK(again.question_len == m.question_len && again.response == m.response);
	if (m.question_len > 0) {
		CHECK(dns_message_parse(copy, n - 1, &again) == -EPROTO);
		copy[n - 1] ^= 1;
		CHECK(!dns_message_answers(&m, copy + 12, m.question_len));
	}
	return 0;
}
