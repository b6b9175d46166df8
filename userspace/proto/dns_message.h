/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of a DNS message as tells which answer belongs to which question (RFC 1035 section 4). */
#ifndef PROTO_DNS_MESSAGE_H
#define PROTO_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_message {
	uint16_t id;
	bool response;
	uint8_t rcode;
	const uint8_t *question; /* name, type and class, in the input */
	size_t question_len;	 /* 0: it has none */
};

/* 0, or -EPROTO: shorter than a header, more than one question, or one that is malformed. */
int dns_message_parse(const uint8_t *p, size_t n, struct dns_message *ret);

/* Whether a response with this message's id answers this question: it repeats it, case included;
 * an error need not. */
bool dns_message_answers(const struct dns_message *response, const uint8_t *question, size_t len);

/* Sets the id of a message that was parsed. */
void dns_message_set_id(uint8_t *p, uint16_t id);

#endif
