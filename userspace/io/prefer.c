// SPDX-License-Identifier: GPL-2.0-or-later
// Rules 1, 5 and 6 of RFC 6724 for one IPv6 destination against IPv4 at large.
#include "io/prefer.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/fd.h"

#define IPV4_PRECEDENCE 35

/* RFC 6724 section 2.1, longest prefix first; ::ffff:0:0/96 is IPv4 here. */
static const struct policy {
	uint8_t prefix[16];
	unsigned bits;
	int precedence, label;
} policies[] = {
	{ { [15] = 1 }, 128, 50, 0 },  { { 0 }, 96, 1, 3 },	      { { 0x20, 0x01 }, 32, 5, 5 },
	{ { 0x20, 0x02 }, 16, 30, 2 }, { { 0x3f, 0xfe }, 16, 1, 12 }, { { 0xfe, 0xc0 }, 10, 1, 11 },
	{ { 0xfc }, 7, 3, 13 },
};
static const struct policy global = { .precedence = 40, .label = 1 };

static bool has_prefix(const uint8_t *ip, const uint8_t *prefix, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(ip, prefix, whole) != 0)
		return false;
	return rest == 0 || (ip[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

static const struct policy *policy_of(const struct in6_addr *ip)
{
	for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (has_prefix(ip->s6_addr, policies[i].prefix, policies[i].bits))
			return &policies[i];
	return &global;
}

/* False where there is no route. */
static bool source_for(const union sockaddr_any *dest, union sockaddr_any *ret)
{
	union sockaddr_any to = *dest, from = { 0 };
	socklen_t len = sizeof(from);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found;

	to.in6.sin6_port = htons(53); /* any: connect() refuses port 0 on some kernels */
	found = fd >= 0 && connect(fd, &to.sa, sizeof(to.in6)) == 0 &&
		getsockname(fd, &from.sa, &len) == 0;
	fd_close(fd);
	if (found)
		*ret = from;
	return found;
}

bool prefer_ipv6(const union sockaddr_any *dest)
{
	const struct policy *policy = policy_of(&dest->in6.sin6_addr);
	union sockaddr_any source;

	return source_for(dest, &source) &&
	       policy_of(&source.in6.sin6_addr)->label == policy->label &&
	       policy->precedence > IPV4_PRECEDENCE;
}
