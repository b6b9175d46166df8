// SPDX-License-Identifier: GPL-2.0-or-later
// Setting socket options.
#include "io/sockopt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define KEEPALIVE_S	 15
#define KEEPALIVE_PROBES 4
#define LOST_PROBES	 4 /* of a closed window, in a row: minutes lie between them in the end */

int sockopt_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

int sockopt_keepalive(int fd)
{
	int err = sockopt_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);

	if (err == 0)
		err = sockopt_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
	if (err == 0)
		err = sockopt_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S);
	if (err == 0)
		err = sockopt_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
	return err;
}

uint32_t sockopt_silence_ms(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
	    (!info.tcpi_retransmits && info.tcpi_probes < LOST_PROBES))
		return 0;
	return info.tcpi_last_ack_recv;
}

int sockopt_reset(int fd)
{
	const struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) < 0 ? -errno : 0;
}
