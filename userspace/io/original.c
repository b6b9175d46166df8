// SPDX-License-Identifier: GPL-2.0-or-later
// Original destinations: of connections by their socket or by conntrack, of datagrams by what comes
// with them.
#include "io/original.h"

#include <errno.h>
#include <string.h>

#include "io/sockopt.h"

/* <linux/netfilter_ipv4.h> and <linux/netfilter_ipv6/ip6_tables.h>, which do not go together with
 * <netinet/in.h>. */
#define ORIGINAL_DST 80

/* What conntrack has translated. A mapped connection is an IPv4 one to it. */
static int translated_from(int fd, bool v4, union sockaddr_any *ret)
{
	union sockaddr_any a = { 0 };
	socklen_t len = v4 ? sizeof(a.in) : sizeof(a.in6);

	if (getsockopt(fd, v4 ? SOL_IP : SOL_IPV6, ORIGINAL_DST, &a, &len) < 0)
		return -errno;
	*ret = a;
	return 0;
}

int original_of_stream(int fd, bool translated, union sockaddr_any *ret)
{
	union sockaddr_any a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(fd, &a.sa, &len) < 0)
		return -errno;
	sockaddr_unmap(&a);
	if (translated) {
		int err = translated_from(fd, a.sa.sa_family == AF_INET, &a);

		if (err)
			return err;
	}
	*ret = a;
	return 0;
}

static int family_of(int fd)
{
	int family = 0;
	socklen_t len = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
		return -errno;
	return family;
}

int original_ask(int fd)
{
	int family = family_of(fd), err;

	if (family < 0)
		return family;
	/* for an IPv6 socket too: IPv4 datagrams tell it in their own way */
	err = sockopt_int(fd, SOL_IP, IP_RECVORIGDSTADDR, 1);
	if (err == 0 && family == AF_INET6)
		err = sockopt_int(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR, 1);
	return err;
}

/* Whether the message holds such an address of n bytes. */
static bool is_original(const struct cmsghdr *c, int level, int type, size_t n)
{
	return c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len >= CMSG_LEN(n);
}

int original_of_datagram(struct msghdr *msg, union sockaddr_any *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		union sockaddr_any a = { 0 };

		if (is_original(c, SOL_IP, IP_ORIGDSTADDR, sizeof(a.in)))
			memcpy(&a.in, CMSG_DATA(c), sizeof(a.in));
		else if (is_original(c, SOL_IPV6, IPV6_ORIGDSTADDR, sizeof(a.in6)))
			memcpy(&a.in6, CMSG_DATA(c), sizeof(a.in6));
		else
			continue;
		sockaddr_unmap(&a);
		*ret = a;
		return 0;
	}
	return -ENOENT;
}

int original_transparent(int fd, int family)
{
	return family == AF_INET6 ? sockopt_int(fd, SOL_IPV6, IPV6_TRANSPARENT, 1)
				  : sockopt_int(fd, SOL_IP, IP_TRANSPARENT, 1);
}
