// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses and sockets of other network namespaces for the load programs.
#include "bench/place.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

unsigned int place_length(const struct place *p)
{
	return p->family == AF_INET ? 4 : 16;
}

void place_parse(const char *text, struct place *ret)
{
	ret->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(ret->family, text, ret->ip) != 1)
		errx(2, "%s is not an address", text);
}

void place_ip(const struct place *p, unsigned int nth, uint8_t ret[static 16])
{
	unsigned int last = place_length(p) - 1;

	memcpy(ret, p->ip, sizeof(p->ip));
	if (p->spread)
		ret[last] = (uint8_t)(ret[last] + nth % p->spread);
}

static socklen_t place_address(const struct place *p, uint16_t port, unsigned int nth,
			       struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	uint8_t ip[16];

	place_ip(p, nth, ip);
	memset(ret, 0, sizeof(*ret));
	ret->ss_family = p->family;
	if (p->family == AF_INET) {
		four->sin_port = htons(port);
		memcpy(&four->sin_addr, ip, 4);
		return sizeof(*four);
	}
	six->sin6_port = htons(port);
	memcpy(&six->sin6_addr, ip, 16);
	return sizeof(*six);
}

static void set_nonblocking(int fd, int type)
{
	int on = 1;

	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		err(1, "fcntl");
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int place_connect(const struct place *p, int type, uint16_t port, unsigned int nth)
{
	int fd = socket(p->family, type | SOCK_CLOEXEC, 0);
	struct sockaddr_storage to;
	socklen_t len = place_address(p, port, nth, &to);

	if (fd < 0)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&to, len))
		err(1, "connect to port %u", port);
	set_nonblocking(fd, type);
	return fd;
}

static void enter(int netns)
{
	if (netns < 0 || setns(netns, CLONE_NEWNET))
		err(1, "network namespace");
	close(netns);
}

int place_bind(const char *netns, int type, int flags, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int on = 1, off = 0, fd;

	enter(open(netns, O_RDONLY | O_CLOEXEC));
	fd = socket(AF_INET6, type | flags | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)))
		err(1, "bind to port %u", port);
	if (type == SOCK_STREAM && listen(fd, SOMAXCONN))
		err(1, "listen on port %u", port);
	enter(own);
	return fd;
}
