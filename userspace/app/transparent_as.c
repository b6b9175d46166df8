// SPDX-License-Identifier: GPL-2.0-or-later
// Answers to captured datagrams without a socket at the address that was asked.
#include <errno.h>

#include "app/transparent_udp.h"
#include "base/fd.h"
#include "io/datagram_as.h"

#define NOT_TRIED (-1)
#define REFUSED	  (-2)

void udp_as_init(struct transparent_udp *u)
{
	u->as4 = u->as6 = NOT_TRIED;
}

void udp_as_done(struct transparent_udp *u)
{
	fd_close(u->as4);
	fd_close(u->as6);
}

static int opened(struct transparent_udp *u, int family)
{
	int *fd = family == AF_INET6 ? &u->as6 : &u->as4;

	if (*fd == NOT_TRIED) {
		*fd = datagram_as_open(family, u->w->config->steering.own_mark);
		if (*fd < 0)
			*fd = REFUSED;
	}
	return *fd;
}

bool udp_may_answer_as(struct transparent_udp *u, int family)
{
	return opened(u, family) >= 0;
}

int udp_answer_as(struct transparent_udp *u, const union sockaddr_any *from,
		  const union sockaddr_any *to, const uint8_t *data, size_t n)
{
	int fd = opened(u, from->sa.sa_family);

	return fd < 0 ? -EPERM : datagram_as_send(fd, from, to, data, n);
}
