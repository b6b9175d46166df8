/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where captured traffic was meant to go, whatever captured it (kernel notes A). */
#ifndef IO_ORIGINAL_H
#define IO_ORIGINAL_H

#include <stdbool.h>

#include "io/sockaddr.h"

/*
 * Of an accepted connection. `translated`: by nft redirect, so conntrack knows (SO_ORIGINAL_DST of
 * the socket's real family); else the socket's own address is it. IPv4-mapped ones come out as
 * IPv4. 0 or -errno.
 */
int original_of_stream(int fd, bool translated, union sockaddr_any *ret);

/* Asks for the destination with each datagram, on a socket of either family. 0 or -errno. */
int original_ask(int fd);
/* Of a datagram, from its control messages. 0, or -ENOENT. Room for them: ORIGINAL_CONTROL bytes.
 */
int original_of_datagram(struct msghdr *msg, union sockaddr_any *ret);
#define ORIGINAL_CONTROL 128

/* Lets a socket that is not bound yet have addresses of others (IP_TRANSPARENT). 0 or -errno. */
int original_transparent(int fd, int family);

#endif
