// SPDX-License-Identifier: GPL-2.0-or-later
// UDP over TCP from and to the bytes of its stream.
#include "proto/uot.h"

#include <errno.h>
#include <strings.h>

#include "base/be.h"

enum uot_version uot_version(const struct addr *dst)
{
	if (dst->type != ADDR_NAME)
		return UOT_NONE;
	if (strcasecmp(dst->name, UOT_V2_NAME) == 0)
		return UOT_V2;
	return strcasecmp(dst->name, UOT_V1_NAME) == 0 ? UOT_V1 : UOT_NONE;
}

ssize_t uot_request_parse(const uint8_t *p, size_t n, struct uot_request *ret)
{
	struct addr dst;
	ssize_t len;

	if (n < 2)
		return 0;
	len = addr_parse(ADDR_SOCKS, p + 1, n - 1, &dst);
	if (len <= 0)
		return len;
	*ret = (struct uot_request){ .connect = p[0] != 0, .dst = dst };
	return 1 + len;
}

size_t uot_request_put(uint8_t *p, const struct uot_request *r)
{
	p[0] = r->connect;
	return 1 + addr_put(ADDR_SOCKS, p + 1, &r->dst);
}

ssize_t uot_packet_parse(bool connect, const uint8_t *p, size_t n, struct uot_packet *ret)
{
	struct uot_packet pkt = { .len = 0 };
	ssize_t hdr = 0;

	if (!connect) {
		hdr = addr_parse(ADDR_UOT, p, n, &pkt.addr);
		if (hdr <= 0)
			return hdr;
		p += hdr;
		n -= (size_t)hdr;
	}
	if (n < 2)
		return 0;
	pkt.len = get_be16(p);
	if (n - 2 < pkt.len)
		return 0;
	pkt.data = p + 2;
	*ret = pkt;
	return hdr + 2 + pkt.len;
}

size_t uot_packet_put(bool connect, uint8_t *p, const struct addr *a, uint16_t len)
{
	size_t hdr = connect ? 0 : addr_put(ADDR_UOT, p, a);

	put_be16(p + hdr, len);
	return hdr + 2;
}
