// SPDX-License-Identifier: GPL-2.0-or-later
// Ids and questions of DNS messages.
#include "proto/dns_message.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "base/be.h"

#define HEADER	     12
#define QR	     0x80 /* of byte 2 */
#define RCODE	     0x0f /* of byte 3 */
#define LABEL_MAX    63
#define NAME_LEN_MAX 255

/* Length of a name without compression, which a question cannot have; -EPROTO. */
static ssize_t name_len(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n && p[at] != 0) {
		if (p[at] > LABEL_MAX)
			return -EPROTO;
		at += 1 + (size_t)p[at];
	}
	return at < n && at < NAME_LEN_MAX ? (ssize_t)at + 1 : -EPROTO;
}

int dns_message_parse(const uint8_t *p, size_t n, struct dns_message *ret)
{
	struct dns_message m = { 0 };
	uint16_t questions;

	if (n < HEADER)
		return -EPROTO;
	m.id = get_be16(p);
	m.response = p[2] & QR;
	m.rcode = p[3] & RCODE;
	m.question = p + HEADER;
	questions = get_be16(p + 4);
	if (questions > 1)
		return -EPROTO;
	if (questions == 1) {
		ssize_t len = name_len(p + HEADER, n - HEADER);

		if (len < 0 || n - HEADER < (size_t)len + 4)
			return -EPROTO;
		m.question_len = (size_t)len + 4;
	}
	*ret = m;
	return 0;
}

bool dns_message_answers(const struct dns_message *response, const uint8_t *question, size_t len)
{
	if (response->question_len == 0 && response->rcode != 0)
		return true;
	return response->question_len == len && memcmp(response->question, question, len) == 0;
}

void dns_message_set_id(uint8_t *p, uint16_t id)
{
	put_be16(p, id);
}
