/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker's pipe, through which bytes go from socket to socket past our memory. Whoever fills it
 * empties it before it gives the thread back, so one does for all of a worker's relays.
 */
#ifndef DATAPATH_PIPE_H
#define DATAPATH_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PIPE_FILL  (128 * 1024) /* bytes worth of one fill */
#define PIPE_WORTH 8192		/* fewer bytes are cheaper by copy */

#define PIPE_WIDE                                                                                  \
	256 /* pieces of data that it has room for; from a socket each packet may be one */
#define PIPE_NARROW 16

/* Zero-initialised it is not open. */
struct relay_pipe {
	int rd, wr;
	unsigned slots;
	bool open;
	bool refused; /* it could not be had with enough room; not tried again */
};

/* Opens it when it is needed first, with room for `slots` pieces, or a quarter of that where there
 * may be no more. False: there is none. */
bool relay_pipe_open(struct relay_pipe *p, unsigned slots);
void relay_pipe_close(struct relay_pipe *p);

/* What a socket has, into the empty pipe: bytes, 0 at its end, -EAGAIN or -errno. */
ssize_t relay_pipe_fill(struct relay_pipe *p, int fd, size_t max);
/* Up to n bytes of it to a socket: bytes (0: it is full), or -errno and none are gone. */
ssize_t relay_pipe_send(struct relay_pipe *p, int fd, size_t n);
/* Exactly n bytes, which must be in it, into memory. 0 or -EIO. */
int relay_pipe_read(struct relay_pipe *p, void *to, size_t n);
/* Throws n bytes away. */
void relay_pipe_drop(struct relay_pipe *p, size_t n);

#endif
