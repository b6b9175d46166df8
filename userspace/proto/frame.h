/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seven-byte frame header (protocol notes 2.1, 2.2). */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stdint.h>

#define FRAME_HDR_LEN  7
#define FRAME_DATA_MAX 65535
/* Data bytes of the largest frame that fills whole TLS records: k * 16384 - 7 (protocol notes 9).
 */
#define FRAME_DATA_BULK	  65529
#define FRAME_DATA_RECORD 16377

enum frame_cmd {
	FRAME_WASTE = 0,
	FRAME_SYN = 1,
	FRAME_PSH = 2,
	FRAME_FIN = 3,
	FRAME_SETTINGS = 4,
	FRAME_ALERT = 5,
	FRAME_UPDATE_PADDING = 6,
	FRAME_SYNACK = 7,
	FRAME_HEART_REQUEST = 8,
	FRAME_HEART_RESPONSE = 9,
	FRAME_SERVER_SETTINGS = 10,
};

struct frame_hdr {
	uint8_t cmd; /* enum frame_cmd, or any other value that a peer sends */
	uint32_t stream_id;
	uint16_t len; /* data bytes that follow the header */
};

/* Reads the header at p. Every seven bytes are a header; whether they make sense is core's affair.
 */
void frame_get(const uint8_t p[static FRAME_HDR_LEN], struct frame_hdr *ret);

/* Writes a header to p. */
void frame_put(uint8_t p[static FRAME_HDR_LEN], enum frame_cmd cmd, uint32_t stream_id,
	       uint16_t len);

/* "PSH", "FIN", ...; "unknown" for others. For logs. */
const char *frame_name(uint8_t cmd);

#endif
