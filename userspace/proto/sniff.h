/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The name that a connection asks for in its first bytes: TLS server name, HTTP/1 host. */
#ifndef PROTO_SNIFF_H
#define PROTO_SNIFF_H

#include <stddef.h>
#include <stdint.h>

#define SNIFF_MAX      16384 /* no name is looked for beyond so many bytes */
#define SNIFF_NAME_MAX 253

enum sniff {
	SNIFF_NONE,  /* no name, however much may follow */
	SNIFF_MORE,  /* cannot be told yet */
	SNIFF_FOUND, /* in ret */
};

/*
 * Looks at the n bytes that a client has sent first: a TLS ClientHello, in one record or several
 * (with ECH the outer name, which is what the network sees), or an HTTP/1 request (an absolute
 * target goes before the Host header, as RFC 9112 3.2.2 has it). ret: a host name in lower case,
 * without port and trailing dot, NUL-terminated; never an IP address. More bytes never change an
 * answer other than SNIFF_MORE, and SNIFF_MAX bytes always have one.
 */
enum sniff sniff_name(const uint8_t *p, size_t n, char ret[static SNIFF_NAME_MAX + 1]);

#endif
