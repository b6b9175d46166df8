// SPDX-License-Identifier: GPL-2.0-or-later
// Telling the service manager: where the datagram goes, and when there is none.
#include "app/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A datagram socket bound to `path` ('@': abstract). */
static int bound(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0 && strlen(path) < sizeof(un.sun_path));
	memcpy(un.sun_path, path, strlen(path));
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&un,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
			 0);
	return fd;
}

static void check_arrives(const char *path)
{
	int fd = bound(path);
	char got[64];
	ssize_t n;

	setenv("NOTIFY_SOCKET", path, 1);
	notify_send("READY=1\nSTATUS=up");
	n = recv(fd, got, sizeof(got), 0);
	assert_int_equal(n, 17);
	assert_memory_equal(got, "READY=1\nSTATUS=up", 17);
	assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
	close(fd);
}

static void notify_send__abstract_socket__gets_the_state(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@notify-test-%d", (int)getpid());
	check_arrives(name);
}

static void notify_send__socket_file__gets_the_state(void **state)
{
	char dir[] = "/tmp/notify-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	check_arrives(path);
	unlink(path);
	rmdir(dir);
}

static void notify_send__no_usable_socket__does_nothing(void **state)
{
	char longest[200];
	int before = dup(0), after;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", longest, 1);
	notify_send("READY=1");
	close(before);
	after = dup(0);
	assert_int_equal(after, before); /* no descriptor was left open */
	close(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify_send__abstract_socket__gets_the_state),
		cmocka_unit_test(notify_send__socket_file__gets_the_state),
		cmocka_unit_test(notify_send__no_usable_socket__does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
