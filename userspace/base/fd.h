/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moving and closing file descriptors. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <unistd.h>

/* Hands *fd over to the caller and leaves -1 behind. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/*
 * Opens a regular file of at most `max` bytes for reading, close-on-exec; a pipe or a device, which
 * would have the caller wait, is not opened. `flags`: more of openat(2)'s. The descriptor, or
 * -ENOTSUP (no regular file), -EFBIG, or what openat() says.
 */
int fd_open_regular(int folder, const char *path, int flags, off_t max);

/* Closes fd; a negative fd is no descriptor and is ignored. errno is kept. */
void fd_close(int fd);

#endif
