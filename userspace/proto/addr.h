/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A destination: IPv4, IPv6 or a name, with a port; its SOCKS5 and UoT wire forms (protocol
 * notes 6.1, 6.2). */
#ifndef PROTO_ADDR_H
#define PROTO_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum addr_type { ADDR_NONE = 0, ADDR_IPV4 = 1, ADDR_NAME = 3, ADDR_IPV6 = 4 };

/* Which numbers stand for the types: SOCKS5 and UoT requests use 1/3/4, UoT packets 0/1/2. */
enum addr_form { ADDR_SOCKS, ADDR_UOT };

struct addr {
	uint8_t type;	  /* enum addr_type */
	uint8_t name_len; /* 1..255 for ADDR_NAME */
	uint16_t port;	  /* host order */
	union {
		uint8_t ip4[4];
		uint8_t ip6[16];
		char name[256]; /* NUL-terminated */
	};
};

#define ADDR_WIRE_MAX 259 /* type, length, 255 bytes, port */
#define ADDR_TEXT_MAX 268 /* "[...]:65535" and a NUL */

/*
 * Reads `type | address | port`. Returns the bytes consumed, 0 for "need more", -EPROTO for an
 * unknown type, an empty name or a name with a NUL byte. The result is normalised: a name that is
 * an IP literal becomes that address, an IPv4-mapped IPv6 address becomes IPv4.
 */
ssize_t addr_parse(enum addr_form form, const uint8_t *p, size_t n, struct addr *ret);

/* Writes the wire form to p, which has ADDR_WIRE_MAX bytes; returns its length. */
size_t addr_put(enum addr_form form, uint8_t *p, const struct addr *a);

/* From text: IP literal or name of 1..255 bytes, without a port in it. -EINVAL otherwise. */
int addr_from_host(const char *host, size_t n, uint16_t port, struct addr *ret);

/* "1.2.3.4:80", "[::1]:80" or "name:80"; returns out. */
const char *addr_text(const struct addr *a, char out[static ADDR_TEXT_MAX]);

/* Same type, address and port; names compare without ASCII case. */
bool addr_equal(const struct addr *a, const struct addr *b);

#endif
