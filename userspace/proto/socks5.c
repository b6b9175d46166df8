// SPDX-License-Identifier: GPL-2.0-or-later
// The server's side of SOCKS5: reading what a client sends, writing what it is told.
#include "proto/socks5.h"

#include <errno.h>
#include <string.h>

#define VERSION		 5
#define USERPASS_VERSION 1

ssize_t socks5_greeting_parse(const uint8_t *p, size_t n, struct socks5_greeting *ret)
{
	if ((n >= 1 && p[0] != VERSION) || (n >= 2 && p[1] == 0))
		return -EPROTO;
	if (n < 2 || n - 2 < p[1])
		return 0;
	*ret = (struct socks5_greeting){
		.no_auth = memchr(p + 2, SOCKS5_NO_AUTH, p[1]),
		.userpass = memchr(p + 2, SOCKS5_USERPASS, p[1]),
	};
	return 2 + p[1];
}

ssize_t socks5_userpass_parse(const uint8_t *p, size_t n, struct socks5_userpass *ret)
{
	size_t pass_at;

	if (n >= 1 && p[0] != USERPASS_VERSION)
		return -EPROTO;
	if (n < 2)
		return 0;
	pass_at = 2 + (size_t)p[1] + 1;
	if (n < pass_at || n - pass_at < p[pass_at - 1])
		return 0;
	*ret = (struct socks5_userpass){
		.user = p + 2,
		.user_len = p[1],
		.pass = p + pass_at,
		.pass_len = p[pass_at - 1],
	};
	return (ssize_t)(pass_at + ret->pass_len);
}

ssize_t socks5_request_parse(const uint8_t *p, size_t n, struct socks5_request *ret)
{
	struct addr dst;
	ssize_t len;

	if (n >= 1 && p[0] != VERSION)
		return -EPROTO;
	if (n < 4)
		return 0;
	if (p[3] != ADDR_IPV4 && p[3] != ADDR_NAME && p[3] != ADDR_IPV6)
		return -EAFNOSUPPORT;
	len = addr_parse(ADDR_SOCKS, p + 3, n - 3, &dst);
	if (len <= 0)
		return len;
	*ret = (struct socks5_request){ .cmd = p[1], .dst = dst };
	return 3 + len;
}

size_t socks5_reply_put(uint8_t *out, enum socks5_reply code, const struct addr *bound)
{
	static const struct addr none;

	out[0] = VERSION;
	out[1] = (uint8_t)code;
	out[2] = 0;
	return 3 + addr_put(ADDR_SOCKS, out + 3, bound ? bound : &none);
}

int socks5_udp_parse(const uint8_t *p, size_t n, struct socks5_udp *ret)
{
	struct addr dst;
	ssize_t len;

	if (n < 3 || p[0] != 0 || p[1] != 0 || p[2] != 0)
		return -EPROTO;
	len = addr_parse(ADDR_SOCKS, p + 3, n - 3, &dst);
	if (len <= 0)
		return -EPROTO;
	*ret = (struct socks5_udp){ .dst = dst, .data = p + 3 + len, .len = n - 3 - (size_t)len };
	return 0;
}

size_t socks5_udp_put(uint8_t *out, const struct addr *src)
{
	memset(out, 0, 3);
	return 3 + addr_put(ADDR_SOCKS, out + 3, src);
}
