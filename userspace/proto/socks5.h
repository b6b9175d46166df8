/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SOCKS5 messages (RFC 1928) and user/password (RFC 1929). */
#ifndef PROTO_SOCKS5_H
#define PROTO_SOCKS5_H

#include "proto/addr.h"

enum socks5_method { SOCKS5_NO_AUTH = 0, SOCKS5_USERPASS = 2, SOCKS5_NO_METHOD = 0xff };
enum socks5_cmd { SOCKS5_CONNECT = 1, SOCKS5_BIND = 2, SOCKS5_UDP_ASSOCIATE = 3 };
enum socks5_reply {
	SOCKS5_OK = 0,
	SOCKS5_FAILURE = 1,
	SOCKS5_NOT_ALLOWED = 2,
	SOCKS5_NET_UNREACHABLE = 3,
	SOCKS5_HOST_UNREACHABLE = 4,
	SOCKS5_REFUSED = 5,
	SOCKS5_TTL_EXPIRED = 6,
	SOCKS5_BAD_COMMAND = 7,
	SOCKS5_BAD_ADDRESS = 8,
};

/* All parsers: bytes consumed, 0 for "need more", -EPROTO for what can never become valid (as early
 * as the bytes show it). */

struct socks5_greeting {
	bool no_auth, userpass; /* offered methods that we know */
};
ssize_t socks5_greeting_parse(const uint8_t *p, size_t n, struct socks5_greeting *ret);

struct socks5_userpass {
	const uint8_t *user, *pass; /* point into the input; not terminated */
	uint8_t user_len, pass_len;
};
ssize_t socks5_userpass_parse(const uint8_t *p, size_t n, struct socks5_userpass *ret);

struct socks5_request {
	uint8_t cmd; /* enum socks5_cmd or any other */
	struct addr dst;
};
/* -EPROTO: wrong version; -EAFNOSUPPORT: unknown address type (reply SOCKS5_BAD_ADDRESS). */
ssize_t socks5_request_parse(const uint8_t *p, size_t n, struct socks5_request *ret);

/* A reply with its bound address (NULL: 0.0.0.0:0) to out, which has 3 + ADDR_WIRE_MAX bytes;
 * returns its length. */
size_t socks5_reply_put(uint8_t *out, enum socks5_reply code, const struct addr *bound);

struct socks5_udp {
	struct addr dst;
	const uint8_t *data;
	size_t len;
};
/* One whole datagram: 0 or -EPROTO (short, reserved bytes set, fragmented: FRAG must be 0). */
int socks5_udp_parse(const uint8_t *p, size_t n, struct socks5_udp *ret);

/* The header before a datagram from `src`; out has 3 + ADDR_WIRE_MAX bytes; returns its length. */
size_t socks5_udp_put(uint8_t *out, const struct addr *src);

#endif
