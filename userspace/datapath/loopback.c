// SPDX-License-Identifier: GPL-2.0-or-later
// Connects a TCP socket with another one of this process.
#include "datapath/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"

/* Strangers that got into our listener before us, at most. */
#define STRANGERS 16

static int tcp_socket(int room)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (room > 0) {
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	}
	return fd;
}

static int open_listener(int room, struct sockaddr_in *ret_at)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = tcp_socket(room);

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, STRANGERS) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
		int err = -errno;

		fd_close(fd);
		return err;
	}
	*ret_at = at;
	return fd;
}

/* Accepts the connection from `us`. Anybody on this machine may have connected meanwhile. */
static int accept_from(int listener, const struct sockaddr_in *us)
{
	for (int i = 0; i <= STRANGERS; i++) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		int fd = accept4(listener, (struct sockaddr *)&from, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return -errno;
		if (from.sin_port == us->sin_port && from.sin_addr.s_addr == us->sin_addr.s_addr)
			return fd;
		fd_close(fd);
	}
	return -ECONNABORTED;
}

/* The handshake on loopback is over at once, unless a packet filter or a full backlog is there. */
static int connect_to(const struct sockaddr_in *at, int room, struct sockaddr_in *ret_us)
{
	const struct timeval patience = { .tv_sec = 1 };
	socklen_t len = sizeof(*ret_us);
	int fd = tcp_socket(room);

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
	    getsockname(fd, (struct sockaddr *)ret_us, &len) < 0 ||
	    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
		int err = -errno;

		fd_close(fd);
		return err;
	}
	return fd;
}

int loopback_pair(int fd[static 2], int room)
{
	struct sockaddr_in at, us;
	int listener = open_listener(room, &at), mine, theirs;

	if (listener < 0)
		return listener;
	mine = connect_to(&at, room, &us);
	theirs = mine < 0 ? mine : accept_from(listener, &us);
	fd_close(listener);
	if (theirs < 0) {
		fd_close(mine);
		return theirs;
	}
	fd[0] = mine;
	fd[1] = theirs;
	return 0;
}
