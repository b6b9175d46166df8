/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One non-blocking connecting socket with the options of a dial. */
#ifndef IO_DIAL_SOCKET_H
#define IO_DIAL_SOCKET_H

#include "io/dial.h"

/* Opens, sets up and starts to connect. 0 (connected or under way) and the descriptor, or -errno.
 */
int dial_socket_connect(const struct dial_opts *opts, const union sockaddr_any *addr, int *ret_fd);
/* 0, or why the connection failed, as -errno. Asking clears it. */
int dial_socket_error(int fd);

#endif
