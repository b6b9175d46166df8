/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP over TCP: magic names, the v2 request, packets in both modes (protocol notes 6.2). */
#ifndef PROTO_UOT_H
#define PROTO_UOT_H

#include "proto/addr.h"

enum uot_version { UOT_NONE = 0, UOT_V1 = 1, UOT_V2 = 2 };

#define UOT_V2_NAME "sp.v2.udp-over-tcp.arpa"
#define UOT_V1_NAME "sp.udp-over-tcp.arpa"
/* What we send at most: Go peers read into 16 KiB (protocol notes 6.2). */
#define UOT_DATAGRAM_MAX 16384
#define UOT_HDR_MAX	 (ADDR_WIRE_MAX + 2)

/* Which version the destination asks for; the port does not matter, nor does ASCII case. */
enum uot_version uot_version(const struct addr *dst);

struct uot_request {
	bool connect; /* isConnect: every packet goes to and comes from `dst` */
	struct addr dst;
};

/* The v2 request. Bytes consumed, 0 for "need more", or -EPROTO. Any non-zero isConnect is true. */
ssize_t uot_request_parse(const uint8_t *p, size_t n, struct uot_request *ret);

/* Writes the request to p, which has 1 + ADDR_WIRE_MAX bytes; returns its length. */
size_t uot_request_put(uint8_t *p, const struct uot_request *r);

struct uot_packet {
	struct addr addr;    /* not set in connect mode */
	const uint8_t *data; /* points into the input */
	uint16_t len;
};

/* One whole packet. Bytes consumed (header and data), 0 for "need more", or -EPROTO. */
ssize_t uot_packet_parse(bool connect, const uint8_t *p, size_t n, struct uot_packet *ret);

/* Writes what stands before `len` bytes of data to p, which has UOT_HDR_MAX bytes; returns its
 * length. `a` is ignored (may be NULL) in connect mode. */
size_t uot_packet_put(bool connect, uint8_t *p, const struct addr *a, uint16_t len);

#endif
