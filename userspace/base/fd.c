// SPDX-License-Identifier: GPL-2.0-or-later
// Opening files with care, and closing without disturbing errno.
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

void fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

int fd_open_regular(int folder, const char *path, int flags, off_t max)
{
	int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -ENOTSUP;
	else if (st.st_size > max)
		err = -EFBIG;
	if (!err)
		return fd;
	fd_close(fd);
	return err;
}
