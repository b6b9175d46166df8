/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: network namespaces of the test's own, and interfaces and addresses in them. */
#ifndef TESTS_UNIT_NETNS_BED_H
#define TESTS_UNIT_NETNS_BED_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs a command of ip(8)'s, as "link set lo up", in the thread's namespace. */
static inline void netns_ip(const char *command)
{
	char line[300];

	snprintf(line, sizeof(line), "ip %s", command);
	if (system(line) != 0)
		fail_msg("%s", line);
}

static inline int netns_here(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* A new namespace, in which the thread is from now on: its descriptor, or -1 and a message. */
static inline int netns_new(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		print_message("no network namespace: %s\n", strerror(errno));
		return -1;
	}
	netns_ip("link set lo up");
	return netns_here();
}

static inline void netns_enter(int fd)
{
	assert_int_equal(setns(fd, CLONE_NEWNET), 0);
}

/* Where interfaces cannot be made (a kernel without veth), one skipped test says so. */
static inline bool netns_has_veth(void)
{
	if (system("ip link add v0 type veth peer name v1 && ip link del v0") == 0)
		return true;
	print_message("no veth interfaces\n");
	return false;
}

#endif
