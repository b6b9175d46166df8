// SPDX-License-Identifier: GPL-2.0-or-later
// The far end of the datagrams: sends back what comes, many at a time.
#include "bench/packets.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH	    64
#define CONTROL_LEN CMSG_SPACE(sizeof(struct in6_pktinfo))

struct batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in6 from[BATCH];
	char control[BATCH][CONTROL_LEN] __attribute__((aligned(sizeof(struct cmsghdr))));
	unsigned char bytes[BATCH][PACKETS_MAX];
};

static void batch_reset(struct batch *b)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->bytes[i], sizeof(b->bytes[i]) };
		b->msg[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = CONTROL_LEN,
		};
	}
}

/* The control message that says the address written to says the one to answer from as well; the
 * interface is left to routing. */
static void turn_round(struct batch *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct cmsghdr *c = CMSG_FIRSTHDR(&b->msg[i].msg_hdr);

		if (c)
			((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_ifindex = 0;
		b->iov[i].iov_len = b->msg[i].msg_len;
		b->msg[i].msg_hdr.msg_flags = 0;
	}
}

static void send_batch(int fd, struct batch *b, unsigned int n)
{
	for (unsigned int done = 0; done < n;) {
		int sent = sendmmsg(fd, b->msg + done, n - done, 0);

		if (sent < 0 && errno != ECONNREFUSED && errno != ENOBUFS)
			err(1, "echo: sendmmsg");
		done += sent > 0 ? (unsigned int)sent : 1;
	}
}

static void serve(int fd)
{
	static struct batch b;

	for (;;) {
		int n;

		batch_reset(&b);
		n = recvmmsg(fd, b.msg, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != ECONNREFUSED)
			err(1, "echo: recvmmsg");
		if (n > 0) {
			turn_round(&b, (unsigned int)n);
			send_batch(fd, &b, (unsigned int)n);
		}
	}
}

void packets_echo_end(pid_t echo)
{
	kill(echo, SIGKILL);
	waitpid(echo, NULL, 0);
}

void packets_widen(int fd)
{
	int size = 8 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

pid_t packets_echo(const char *netns, uint16_t port)
{
	int fd = place_bind(netns, SOCK_DGRAM, 0, port), on = 1;
	pid_t parent = getpid(), pid;

	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	/* whole networks are local there, by a route */
	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	packets_widen(fd);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid) {
		close(fd);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	serve(fd);
	_exit(1);
}
