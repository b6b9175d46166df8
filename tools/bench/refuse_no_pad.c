// SPDX-License-Identifier: GPL-2.0-or-later
// Preloaded, it makes the kernel one without TLS_RX_EXPECT_NO_PAD: what that option is worth.
#include <errno.h>
#include <linux/tls.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (level == SOL_TLS && name == TLS_RX_EXPECT_NO_PAD) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}
