// SPDX-License-Identifier: GPL-2.0-or-later
// Loopback sockets, epoll registration and the clock for the bench programs.
#include "bench/sock.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

static struct sockaddr_in loopback(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(host),
	};
}

uint16_t sock_parse_port(const char *text)
{
	char *end = NULL;
	unsigned long port = strtoul(text, &end, 10);

	if (*end || !port || port > UINT16_MAX)
		errx(2, "%s is not a port", text);
	return (uint16_t)port;
}

int sock_listen(uint16_t port)
{
	struct sockaddr_in addr = loopback(INADDR_LOOPBACK, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, SOMAXCONN))
		err(1, "listen on port %u", port);
	return fd;
}

static void set_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int sock_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		set_nodelay(fd);
	else if (errno != EAGAIN && errno != ECONNABORTED)
		err(1, "accept");
	return fd;
}

int sock_connect(uint16_t port, unsigned int nth)
{
	struct sockaddr_in from = loopback(INADDR_LOOPBACK + 0x100 + nth % 16, 0);
	struct sockaddr_in to = loopback(INADDR_LOOPBACK, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)))
		err(1, "bind a source address");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connect to port %u", port);
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		err(1, "fcntl");
	set_nodelay(fd);
	return fd;
}

void sock_watch(int epoll, int fd, uint32_t events, void *data)
{
	struct epoll_event ev = { .events = events, .data.ptr = data };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
		err(1, "epoll_ctl");
}

void sock_rewatch(int epoll, int fd, uint32_t events, void *data)
{
	struct epoll_event ev = { .events = events, .data.ptr = data };

	if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &ev))
		err(1, "epoll_ctl");
}

void sock_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(1, "setrlimit");
}

static uint64_t read_clock_ns(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now))
		err(1, "clock_gettime");
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t sock_now_ns(void)
{
	return read_clock_ns(CLOCK_MONOTONIC);
}

uint64_t sock_cpu_ns(pid_t pid)
{
	clockid_t id;

	errno = clock_getcpuclockid(pid, &id);
	if (errno)
		err(1, "CPU clock of process %d", pid);
	return read_clock_ns(id);
}
