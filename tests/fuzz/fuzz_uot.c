// SPDX-License-Identifier: GPL-2.0-or-later
// UDP over TCP: a stream of packets ends where it should, and every packet written anew reads the
// same.
#include "proto/uot.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

static void check_packet(bool connect, const struct uot_packet *pkt)
{
	static uint8_t wire[UOT_HDR_MAX + 65535];
	struct uot_packet again;
	size_t hdr = uot_packet_put(connect, wire, connect ? NULL : &pkt->addr, pkt->len);
	ssize_t len = (ssize_t)(hdr + pkt->len);

	CHECK(hdr <= UOT_HDR_MAX);
	memcpy(wire + hdr, pkt->data, pkt->len);
	for (size_t cut = 0; cut < hdr; cut++)
		CHECK(uot_packet_parse(connect, wire, cut, &again) == 0);
	CHECK(uot_packet_parse(connect, wire, (size_t)len, &again) == len);
	CHECK(again.len == pkt->len && memcmp(again.data, pkt->data, pkt->len) == 0);
	CHECK(connect || addr_equal(&again.addr, &pkt->addr));
}

static void read_packets(bool connect, const uint8_t *p, size_t n)
{
	struct uot_packet pkt;
	ssize_t len;

	while ((len = uot_packet_parse(connect, p, n, &pkt)) > 0) {
		CHECK((size_t)len <= n && pkt.data + pkt.len == p + len);
		check_packet(connect, &pkt);
		p += len;
		n -= (size_t)len;
	}
	CHECK(len == 0 || (len == -EPROTO && !connect));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t wire[1 + ADDR_WIRE_MAX];
	struct uot_request r, again;
	ssize_t len = uot_request_parse(data, size, &r);
	size_t n;

	CHECK(len == -EPROTO || (len >= 0 && (size_t)len <= size));
	if (len > 0) {
		n = uot_request_put(wire, &r);
		CHECK(uot_request_parse(wire, n, &again) == (ssize_t)n);
		CHECK(again.connect == r.connect && addr_equal(&again.dst, &r.dst));
		CHECK(uot_version(&r.dst) == uot_version(&again.dst));
		read_packets(r.connect, data + len, size - (size_t)len);
	}
	read_packets(false, data, size); /* version 1 has no request */
	return 0;
}
