/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket options that more than one part sets. */
#ifndef IO_SOCKOPT_H
#define IO_SOCKOPT_H

#include <stdint.h>

/* setsockopt() of an int: 0 or -errno. */
int sockopt_int(int fd, int level, int option, int value);
/* TCP keepalive: first probe after 15 s, then every 15 s, four of them (protocol notes 9). On a
 * listening socket: for all that it accepts. 0 or -errno. */
int sockopt_keepalive(int fd);
/*
 * Milliseconds since the peer of a TCP socket acknowledged anything, while what was sent is being
 * repeated, or several probes in a row were lost (TCP_INFO). 0: neither is so.
 */
uint32_t sockopt_silence_ms(int fd);
/* Has close() reset the connection, whatever is under way. 0 or -errno. */
int sockopt_reset(int fd);

#endif
