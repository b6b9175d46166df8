/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams in the name of any address and port, without a socket that is bound there. */
#ifndef IO_DATAGRAM_AS_H
#define IO_DATAGRAM_AS_H

#include <stddef.h>

#include "io/sockaddr.h"

/*
 * Opens one for AF_INET or AF_INET6, marked unless mark is 0: the descriptor or -errno. Nothing is
 * ever received on it. Needs CAP_NET_RAW.
 */
int datagram_as_open(int family, uint32_t mark);

/* Sends n (at most 65507) bytes; both addresses are of its family. 0 or -errno. */
int datagram_as_send(int fd, const union sockaddr_any *from, const union sockaddr_any *to,
		     const uint8_t *data, size_t n);

#endif
