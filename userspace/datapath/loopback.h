/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP connection of this process with itself: what the kernel does is tried there. */
#ifndef DATAPATH_LOOPBACK_H
#define DATAPATH_LOOPBACK_H

/*
 * Connects fd[0] with fd[1] over 127.0.0.1; neither blocks. Send and receive buffers of both are of
 * `room` bytes, as SO_SNDBUF counts, unless it is 0. 0 or -errno.
 */
int loopback_pair(int fd[static 2], int room);

#endif
