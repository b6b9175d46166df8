/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handshake messages after the handshake (RFC 8446, 4.6), across records. No I/O, no keys. */
#ifndef WIRE_POST_HANDSHAKE_H
#define WIRE_POST_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised: no message has begun. */
struct post_handshake {
	uint8_t hdr[4];
	uint8_t have;  /* bytes of it */
	uint32_t left; /* bytes of the message's body that are still to come */
};

enum post_event {
	POST_TICKET = 1 << 0,	  /* (a part of) a NewSessionTicket */
	POST_KEY_UPDATE = 1 << 1, /* the peer's next record has the next key */
	POST_REQUESTED = 1 << 2,  /* and it asks for a KeyUpdate of ours */
};

/* Takes a record's content; n > 0. Returns the events in it, or -alert (see record.h). */
int post_handshake_feed(struct post_handshake *ph, bool client, const uint8_t *p, size_t n);

/* Whether a message is incomplete: nothing else may come in between. */
static inline bool post_handshake_midway(const struct post_handshake *ph)
{
	return ph->have > 0;
}

/* Whether its header is complete: OpenSSL lets alerts pass then. */
static inline bool post_handshake_in_body(const struct post_handshake *ph)
{
	return ph->have == sizeof(ph->hdr);
}

#endif
