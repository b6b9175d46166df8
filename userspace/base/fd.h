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

/* Closes fd; a negative fd is no descriptor and is ignored. errno is kept. */
void fd_close(int fd);

#endif
