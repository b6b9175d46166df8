// SPDX-License-Identifier: GPL-2.0-or-later
// Sending many datagrams of one size with one system call and one way through the kernel.
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "io/datagram.h"

int datagram_send_run(int fd, const uint8_t *data, size_t len, size_t each)
{
	union {
		uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr head;
	} control = { .head = { .cmsg_level = IPPROTO_UDP,
				.cmsg_type = UDP_SEGMENT,
				.cmsg_len = CMSG_LEN(sizeof(uint16_t)) } };
	uint16_t size = (uint16_t)each;
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };

	memcpy(CMSG_DATA(&control.head), &size, sizeof(size));
	return sendmsg(fd, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}
