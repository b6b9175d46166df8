// SPDX-License-Identifier: GPL-2.0-or-later
// SOCKS5 messages: prefixes never contradict the whole, and addresses round-trip.
#include "proto/socks5.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

/* A shorter input wants more, or fails as the whole does; it never parses to something else. */
#define CHECK_PREFIXES(parse, p, n, whole, ret)                                                    \
	do {                                                                                       \
		for (size_t cut = 0; cut < (n) && cut < 700; cut++) {                              \
			ssize_t part = parse((p), cut, (ret));                                     \
                                                                                                   \
			CHECK(part == 0 || part == (whole));                                       \
			CHECK(part <= (ssize_t)cut);                                               \
		}                                                                                  \
	} while (0)

static void check_addr(const struct addr *a)
{
	uint8_t wire[3 + ADDR_WIRE_MAX];
	struct socks5_request r;
	struct socks5_udp u;
	char text[ADDR_TEXT_MAX];
	size_t len = socks5_reply_put(wire, SOCKS5_OK, a);

	CHECK(strlen(addr_text(a, text)) < ADDR_TEXT_MAX);
	CHECK(socks5_request_parse(wire, len, &r) == (ssize_t)len && addr_equal(&r.dst, a));
	len = socks5_udp_put(wire, a);
	CHECK(socks5_udp_parse(wire, len, &u) == 0 && u.len == 0 && addr_equal(&u.dst, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct socks5_greeting g;
	struct socks5_userpass up;
	struct socks5_request r;
	struct socks5_udp u;
	ssize_t n;

	n = socks5_greeting_parse(data, size, &g);
	CHECK(n == -EPROTO || (n >= 0 && (size_t)n <= size));
	CHECK_PREFIXES(socks5_greeting_parse, data, size, n, &g);
	n = socks5_userpass_parse(data, size, &up);
	CHECK(n == -EPROTO || (n >= 0 && (size_t)n <= size));
	if (n > 0)
		CHECK(up.user == data + 2 && up.pass + up.pass_len == data + n);
	CHECK_PREFIXES(socks5_userpass_parse, data, size, n, &up);
	n = socks5_request_parse(data, size, &r);
	CHECK(n == -EPROTO || n == -EAFNOSUPPORT || (n >= 0 && (size_t)n <= size));
	if (n > 0)
		check_addr(&r.dst);
	CHECK_PREFIXES(socks5_request_parse, data, size, n, &r);
	n = socks5_udp_parse(data, size, &u);
	CHECK(n == 0 || n == -EPROTO);
	if (n == 0) {
		CHECK(u.data + u.len == data + size);
		check_addr(&u.dst);
	}
	return 0;
}
