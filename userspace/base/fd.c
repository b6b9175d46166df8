// SPDX-License-Identifier: GPL-2.0-or-later
// Closing a descriptor without disturbing errno.
#include "base/fd.h"

#include <errno.h>

void fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}
