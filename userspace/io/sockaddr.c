// SPDX-License-Identifier: GPL-2.0-or-later
// Building, taking apart and printing socket addresses.
#include "io/sockaddr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

socklen_t sockaddr_len(const union sockaddr_any *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

void sockaddr_set(union sockaddr_any *ret, const uint8_t *ip, size_t n, uint16_t port)
{
	union sockaddr_any a = { 0 };

	if (n == sizeof(a.in6.sin6_addr)) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
		memcpy(&a.in6.sin6_addr, ip, sizeof(a.in6.sin6_addr));
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
		memcpy(&a.in.sin_addr, ip, sizeof(a.in.sin_addr));
	}
	*ret = a;
}

void sockaddr_unmap(union sockaddr_any *a)
{
	if (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
		uint8_t ip[4];

		memcpy(ip, a->in6.sin6_addr.s6_addr + 12, sizeof(ip));
		sockaddr_set(a, ip, sizeof(ip), sockaddr_port(a));
	}
}

bool sockaddr_in_ipv4(const union sockaddr_any *a, union sockaddr_any *ret)
{
	static const uint8_t any[4] = { 0 }, loopback[4] = { 127, 0, 0, 1 };
	const struct in6_addr *ip = &a->in6.sin6_addr;
	bool is_any;

	if (a->sa.sa_family != AF_INET6)
		return false;
	is_any = IN6_IS_ADDR_UNSPECIFIED(ip);
	if (!is_any && !IN6_IS_ADDR_LOOPBACK(ip))
		return false;
	sockaddr_set(ret, is_any ? any : loopback, 4, sockaddr_port(a));
	return true;
}

const uint8_t *sockaddr_ip(const union sockaddr_any *a, size_t *ret_len)
{
	if (a->sa.sa_family == AF_INET6) {
		*ret_len = sizeof(a->in6.sin6_addr);
		return a->in6.sin6_addr.s6_addr;
	}
	*ret_len = sizeof(a->in.sin_addr);
	return (const uint8_t *)&a->in.sin_addr;
}

uint16_t sockaddr_port(const union sockaddr_any *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

const char *sockaddr_text(const union sockaddr_any *a, char out[static SOCKADDR_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN] = "?";
	size_t len;

	inet_ntop(a->sa.sa_family, sockaddr_ip(a, &len), ip, sizeof(ip));
	snprintf(out, SOCKADDR_TEXT_MAX, a->sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip,
		 (unsigned)sockaddr_port(a));
	return out;
}
