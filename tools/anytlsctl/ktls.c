// SPDX-License-Identifier: GPL-2.0-or-later
// `anytlsctl ktls`: a command to the running daemon, by its control socket.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "anytlsctl/ctl.h"
#include "base/fd.h"

#define ANSWER_MAX	512
#define PATIENCE_SECOND 5

/* A connection to the daemon whose folder this is, or -errno. */
static int call(const char *folder)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_SECOND };
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, err = 0;

	if (dir < 0)
		return -errno;
	/* the path itself may be too long for an address */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/control.sock", dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)) < 0)
		err = -errno;
	fd_close(dir);
	if (!err)
		return fd;
	fd_close(fd);
	return err;
}

/* Sends a line; the answer's line into `answer`. 0 or -errno. */
static int ask(int fd, const char *line, char *answer, size_t room)
{
	size_t have = 0;
	ssize_t n;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return -errno;
	do {
		n = recv(fd, answer + have, room - 1 - have, 0);
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		have += (size_t)n;
		answer[have] = '\0';
	} while (n > 0 && have < room - 1 && !strchr(answer, '\n'));
	answer[strcspn(answer, "\n")] = '\0';
	return have > 0 ? 0 : -EPIPE;
}

static int report(const char *answer)
{
	bool good = strncmp(answer, "ok ", 3) == 0;
	char *text = ctl_escape(good				    ? answer + 3
				: strncmp(answer, "error ", 6) == 0 ? answer + 6
								    : answer);

	if (good)
		puts(text);
	else
		fprintf(stderr, "%s: %s\n", CTL_NAME, text);
	free(text);
	return good ? CTL_OK : CTL_PROBLEM;
}

int ctl_ktls(int argc, char **argv)
{
	char folder[PATH_MAX], line[64], answer[ANSWER_MAX];
	struct ctl_options o;
	int fd, err;

	if (!ctl_parse(argc, argv, 1, &o))
		return CTL_USAGE;
	if (strcmp(o.words[0], "on") != 0 && strcmp(o.words[0], "off") != 0) {
		fprintf(stderr, "usage: %s ktls on|off [-n NAME | -d DIR]\n", CTL_NAME);
		return CTL_USAGE;
	}
	fd = call(ctl_folder(&o, folder));
	snprintf(line, sizeof(line), "ktls %s\n", o.words[0]);
	err = fd < 0 ? fd : ask(fd, line, answer, sizeof(answer));
	fd_close(fd);
	if (!err)
		return report(answer);
	fprintf(stderr, "%s: %s: %s\n", CTL_NAME, folder,
		err == -ENOENT || err == -ECONNREFUSED ? "no daemon takes commands there"
						       : strerror(-err));
	return err == -ENOENT || err == -ECONNREFUSED ? CTL_DEAD : CTL_PROBLEM;
}
