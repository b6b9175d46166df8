// SPDX-License-Identifier: GPL-2.0-or-later
// The options of an outgoing socket and its connect(2).
#include "io/dial_socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/fd.h"
#include "io/sockopt.h"

static int bind_source(int fd, const union sockaddr_any *source)
{
	int err = 0;

	/* the port is chosen by connect(), which knows the destination: more than 64 k in all */
	if (sockaddr_port(source) == 0)
		err = sockopt_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (err == 0 && bind(fd, &source->sa, sockaddr_len(source)) < 0)
		err = -errno;
	return err;
}

static int set_up(int fd, const struct dial_opts *opts, sa_family_t family)
{
	const union sockaddr_any *source = family == AF_INET6 ? &opts->bind6 : &opts->bind4;
	const char *interface = opts->bind_interface;
	int err = sockopt_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);

	if (err == 0 && opts->keepalive)
		err = sockopt_keepalive(fd);
	if (err == 0 && opts->mark)
		err = sockopt_int(fd, SOL_SOCKET, SO_MARK, (int)opts->mark);
	if (err == 0 && interface &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) <
		    0)
		err = -errno;
	if (err == 0 && source->sa.sa_family == family)
		err = bind_source(fd, source);
	return err;
}

int dial_socket_connect(const struct dial_opts *opts, const union sockaddr_any *addr, int *ret_fd)
{
	int err;
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	err = set_up(fd, opts, addr->sa.sa_family);
	if (err < 0)
		goto out;
	if (connect(fd, &addr->sa, sockaddr_len(addr)) < 0 && errno != EINPROGRESS) {
		err = -errno;
		goto out;
	}
	*ret_fd = fd_take(&fd);
out:
	fd_close(fd);
	return err;
}

int dial_socket_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}
