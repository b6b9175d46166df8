// SPDX-License-Identifier: GPL-2.0-or-later
// A raw socket for UDP: the header is made here, the rest of the packet by the kernel.
#include "io/datagram_as.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "io/original.h"
#include "io/sockopt.h"

#define CHECKSUM_AT 6
#define DATA_MAX    65507

/* Bound to addresses that nobody has (RFC 7534 and RFC 6666): else the kernel would give it a copy
 * of each datagram that comes. */
static int bind_aside(int fd, int family)
{
	static const uint8_t aside4[4] = { 192, 175, 48, 255 }, aside6[16] = { 1, [15] = 0xfd };
	union sockaddr_any a;

	if (family == AF_INET6)
		sockaddr_set(&a, aside6, sizeof(aside6), 0);
	else
		sockaddr_set(&a, aside4, sizeof(aside4), 0);
	return bind(fd, &a.sa, sockaddr_len(&a)) < 0 ? -errno : 0;
}

int datagram_as_open(int family, uint32_t mark)
{
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	int err = fd < 0 ? -errno : original_transparent(fd, family);

	if (err == 0)
		err = bind_aside(fd, family);
	if (err == 0 && family == AF_INET6)
		err = sockopt_int(fd, IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_AT);
	if (err == 0 && mark)
		err = sockopt_int(fd, SOL_SOCKET, SO_MARK, (int)mark);
	if (err == 0)
		return fd;
	fd_close(fd);
	return err;
}

static uint64_t sum(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t s = 0;

	for (; n > 1; n -= 2, p += 2)
		s += (uint64_t)p[0] << 8 | p[1];
	return n ? s + ((uint64_t)p[0] << 8) : s;
}

/* RFC 768; IPv6 leaves it to the kernel. */
static uint16_t checksum4(const union sockaddr_any *from, const union sockaddr_any *to,
			  const struct udphdr *h, const uint8_t *data, size_t n)
{
	uint64_t s = sum(&from->in.sin_addr, 4) + sum(&to->in.sin_addr, 4) + IPPROTO_UDP +
		     ntohs(h->len) + sum(h, sizeof(*h)) + sum(data, n);

	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	s = ~s & 0xffff;
	return htons(s ? (uint16_t)s : 0xffff);
}

/* Says which address to send from. */
static void put_source(struct msghdr *msg, const union sockaddr_any *from)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (from->sa.sa_family == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_addr = from->in6.sin6_addr };

		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in_pktinfo info = { .ipi_spec_dst = from->in.sin_addr };

		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

int datagram_as_send(int fd, const union sockaddr_any *from, const union sockaddr_any *to,
		     const uint8_t *data, size_t n)
{
	union {
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct cmsghdr align;
	} control = { 0 };
	union sockaddr_any dst = *to;
	struct udphdr h = { .source = htons(sockaddr_port(from)),
			    .dest = htons(sockaddr_port(to)),
			    .len = htons((uint16_t)(sizeof(h) + n)) };
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)data, n } };
	struct msghdr msg = { .msg_name = &dst,
			      .msg_namelen = sockaddr_len(&dst),
			      .msg_iov = iov,
			      .msg_iovlen = 2,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control) };

	if (n > DATA_MAX)
		return -EMSGSIZE;
	if (from->sa.sa_family == AF_INET6)
		dst.in6.sin6_port = 0; /* a protocol to raw sockets */
	else
		h.check = checksum4(from, to, &h, data, n);
	put_source(&msg, from);
	return sendmsg(fd, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}
