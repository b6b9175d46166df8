// SPDX-License-Identifier: GPL-2.0-or-later
// Binding and connecting the sockets of captured datagrams.
#include "io/datagram.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "io/original.h"
#include "io/sockopt.h"

#define LISTENER_BUFFER (4 * 1024 * 1024) /* new flows come in bursts */

static int set_mark(int fd, uint32_t mark)
{
	return mark ? sockopt_int(fd, SOL_SOCKET, SO_MARK, (int)mark) : 0;
}

/* Sharing by SO_REUSEADDR too: else an answer from the same port of a foreign address could not be
 * bound next to it. */
static int listener_options(int fd, int family, uint32_t mark, bool share)
{
	int err = 0;

	if (share) {
		err = sockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		if (err == 0)
			err = sockopt_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	}
	if (err == 0 && family == AF_INET6)
		err = sockopt_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (err == 0)
		err = original_transparent(fd, family);
	if (err == 0)
		err = original_ask(fd);
	if (err == 0)
		err = set_mark(fd, mark);
	return err;
}

static int open_bound(const union sockaddr_any *addr, uint32_t mark, bool share, int *ret_fd)
{
	int fd = socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : listener_options(fd, addr->sa.sa_family, mark, share);

	if (err == 0 && bind(fd, &addr->sa, sockaddr_len(addr)) < 0)
		err = -errno;
	if (err == 0) {
		/* without the privilege, as much as the system allows */
		if (sockopt_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, LISTENER_BUFFER) < 0)
			sockopt_int(fd, SOL_SOCKET, SO_RCVBUF, LISTENER_BUFFER);
		*ret_fd = fd_take(&fd);
	}
	fd_close(fd);
	return err;
}

/* A socket that does not share the port cannot be bound next to another one. */
static int bind_one(const union sockaddr_any *addr, uint32_t mark, bool exclusive, int *ret_fd)
{
	int fd = -1;
	int err = exclusive && sockaddr_port(addr) ? open_bound(addr, mark, false, &fd) : 0;

	fd_close(fd);
	return err < 0 ? err : open_bound(addr, mark, true, ret_fd);
}

int datagram_listen(const union sockaddr_any *addr, uint32_t mark, bool exclusive, int *ret_fd)
{
	int err = bind_one(addr, mark, exclusive, ret_fd);
	union sockaddr_any a4;

	if ((err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL) && sockaddr_in_ipv4(addr, &a4))
		err = bind_one(&a4, mark, exclusive, ret_fd);
	return err;
}

/* Before the socket may have addresses of others: it must not get this one, nor be told that
 * another socket has it already: that is looked at only once the address is found to be the
 * machine's. */
static int refuse_own(int fd, const union sockaddr_any *from)
{
	if (bind(fd, &from->sa, sockaddr_len(from)) == 0 || errno == EADDRINUSE)
		return -EACCES;
	return errno == EADDRNOTAVAIL ? 0 : -errno;
}

static int answer_options(int fd, const union sockaddr_any *from, uint32_t mark,
			  enum datagram_from who)
{
	int err = sockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (err == 0 && who == DATAGRAM_FROM_OTHERS)
		err = refuse_own(fd, from);
	if (err == 0)
		err = original_transparent(fd, from->sa.sa_family);
	return err == 0 ? set_mark(fd, mark) : err;
}

int datagram_answer(const union sockaddr_any *from, const union sockaddr_any *to, uint32_t mark,
		    enum datagram_from who)
{
	int fd, err;

	if (from->sa.sa_family != to->sa.sa_family)
		return -EAFNOSUPPORT;
	fd = socket(from->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	err = fd < 0 ? -errno : answer_options(fd, from, mark, who);
	if (err == 0 && (bind(fd, &from->sa, sockaddr_len(from)) < 0 ||
			 connect(fd, &to->sa, sockaddr_len(to)) < 0))
		err = -errno;
	if (err == 0)
		return fd;
	fd_close(fd);
	return err;
}
