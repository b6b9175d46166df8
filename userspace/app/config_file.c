// SPDX-License-Identifier: GPL-2.0-or-later
// Reads a file into memory, leaving no copies of what may be secret.
#include "app/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/secret.h"

#define FIRST_ROOM 16384

static void drop(char *text, size_t n)
{
	if (text)
		secret_wipe(text, n);
	free(text);
}

/* Twice the room; realloc() would leave the old copy behind. */
static int grow(char **text, size_t used, size_t *room)
{
	size_t more = *room ? *room * 2 : FIRST_ROOM;
	char *p = malloc(more);

	if (!p)
		return -ENOMEM;
	if (*text)
		memcpy(p, *text, used);
	drop(*text, used);
	*text = p;
	*room = more;
	return 0;
}

int config_fd_read(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	size_t used = 0, room = 0;
	char *text = NULL;
	int err = 0;

	for (;;) {
		ssize_t n;

		if (room - used < 2)
			err = grow(&text, used, &room);
		if (err < 0)
			break;
		n = read(fd, text + used, room - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n < 0 ? -errno : 0;
			break;
		}
		used += (size_t)n;
		if (used > max) {
			err = -EFBIG;
			break;
		}
	}
	if (err < 0) {
		drop(text, used);
		return err;
	}
	text[used] = '\0';
	*ret_text = text;
	*ret_len = used;
	return 0;
}

int config_file_read(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err;

	if (fd < 0)
		return -errno;
	err = config_fd_read(fd, max, ret_text, ret_len);
	fd_close(fd);
	return err;
}
