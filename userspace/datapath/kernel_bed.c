// SPDX-License-Identifier: GPL-2.0-or-later
// Loopback connections for self-tests, and waits that end.
#include "datapath/kernel_impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/fd.h"

#define PAIR_BUFFER   (256 * 1024) /* whatever the administrator's default is */
#define AWAIT_COST_US 50
#define ACCEPT_TRIES  16 /* connections of others to our port that we put up with */

uint64_t kernel_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int tcp_socket(void)
{
	const int room = PAIR_BUFFER;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return fd;
}

static int open_listener(int *ret)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = tcp_socket(), err;

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, ACCEPT_TRIES) < 0) {
		err = -errno;
		fd_close(fd);
		return err;
	}
	*ret = fd;
	return 0;
}

int kernel_bed_open(struct kernel_bed *b)
{
	int err;

	*b = (struct kernel_bed){ .listener = -1 };
	err = record_crypto_init(&b->rc);
	if (err)
		return err;
	b->sealed = malloc(2 * KERNEL_ROOM);
	b->plain = malloc(KERNEL_ROOM);
	b->want = malloc(KERNEL_ROOM);
	err = b->sealed && b->plain && b->want ? open_listener(&b->listener) : -ENOMEM;
	if (err)
		kernel_bed_close(b);
	return err;
}

void kernel_bed_close(struct kernel_bed *b)
{
	fd_close(b->listener);
	free(b->sealed);
	free(b->plain);
	free(b->want);
	record_crypto_done(&b->rc);
}

/* Accepts until it is the connection of `fd`: anyone on this machine may connect to the port. */
static int accept_from(struct kernel_bed *b, int fd, int *ret)
{
	struct sockaddr_in ours, theirs;
	socklen_t len = sizeof(ours);

	if (getsockname(fd, (struct sockaddr *)&ours, &len) < 0)
		return -errno;
	for (int i = 0; i < ACCEPT_TRIES; i++) {
		int err = kernel_await(b, b->listener, POLLIN), got;

		if (err)
			return err;
		len = sizeof(theirs);
		got = accept4(b->listener, (struct sockaddr *)&theirs, &len,
			      SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (got >= 0 && theirs.sin_port == ours.sin_port) {
			*ret = got;
			return 0;
		}
		fd_close(got);
	}
	return -ECONNABORTED;
}

int kernel_pair_open(struct kernel_bed *b, struct kernel_pair *ret)
{
	struct kernel_pair p = { tcp_socket(), -1 };
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	const int on = 1;
	int err = 0;

	if (p.us < 0)
		return p.us;
	if (getsockname(b->listener, (struct sockaddr *)&at, &len) < 0 ||
	    (connect(p.us, (struct sockaddr *)&at, len) < 0 && errno != EINPROGRESS))
		err = -errno;
	if (!err)
		err = accept_from(b, p.us, &p.them);
	if (err) {
		kernel_pair_close(&p);
		return err;
	}
	setsockopt(p.us, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(p.them, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*ret = p;
	return 0;
}

void kernel_pair_close(struct kernel_pair *p)
{
	fd_close(p->us);
	fd_close(p->them);
	*p = KERNEL_NO_PAIR;
}

int kernel_await(struct kernel_bed *b, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	const uint64_t begin = kernel_now_us();
	uint64_t took;
	int n;

	if (b->patience_us == 0)
		return -ETIMEDOUT;
	n = poll(&p, 1, (int)(b->patience_us / 1000) + 1);
	/* a kernel that says ready and is not must come to an end as well */
	took = kernel_now_us() - begin + AWAIT_COST_US;
	b->patience_us -= took < b->patience_us ? took : b->patience_us;
	if (n < 0 && errno != EINTR)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

int kernel_send(struct kernel_bed *b, int fd, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
		int err = 0;

		if (sent < 0)
			err = errno == EAGAIN ? kernel_await(b, fd, POLLOUT) : -errno;
		if (err)
			return err;
		if (sent > 0) {
			at += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

int kernel_recv(struct kernel_bed *b, int fd, void *p, size_t n)
{
	uint8_t *at = p;

	while (n > 0) {
		ssize_t got = recv(fd, at, n, 0);
		int err = 0;

		if (got == 0)
			return -ECONNRESET;
		if (got < 0)
			err = errno == EAGAIN ? kernel_await(b, fd, POLLIN) : -errno;
		if (err)
			return err;
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
	return 0;
}
