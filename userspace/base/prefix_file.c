// SPDX-License-Identifier: GPL-2.0-or-later
// Lists of prefixes out of files.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/prefix.h"

#define FILE_MAX (16 * 1024 * 1024)

/* Without what ends it, comment, and white space around it; its length. */
static size_t strip(char **line, size_t n)
{
	char *p = *line, *comment;

	if (n && p[n - 1] == '\n')
		n--;
	if (n && p[n - 1] == '\r')
		n--;
	comment = memchr(p, '#', n);
	if (comment)
		n = (size_t)(comment - p);
	for (; n && (*p == ' ' || *p == '\t'); n--)
		p++;
	while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	*line = p;
	return n;
}

static int add_line(struct prefix_list *l, char *line, size_t n)
{
	struct prefix p;

	n = strip(&line, n);
	if (n == 0)
		return 0;
	if (prefix_parse(line, n, &p) < 0)
		return -EINVAL;
	return prefix_list_add(l, &p);
}

/* Its size is asked for at the start, and it may grow meanwhile. */
static int read_lines(struct prefix_list *l, FILE *f, size_t *ret_line)
{
	size_t room = 0, total = 0;
	char *line = NULL;
	ssize_t n;
	int err = 0;

	while (!err && (n = getline(&line, &room, f)) >= 0) {
		++*ret_line;
		total += (size_t)n;
		err = total > FILE_MAX ? -EFBIG : add_line(l, line, (size_t)n);
	}
	if (!err && !feof(f))
		err = errno ? -errno : -EIO;
	free(line);
	return err;
}

static int open_file(const char *path, FILE **ret)
{
	int fd = fd_open_regular(AT_FDCWD, path, O_NOCTTY, FILE_MAX), err;

	if (fd < 0)
		return fd;
	*ret = fdopen(fd, "r");
	if (*ret)
		return 0;
	err = -errno;
	fd_close(fd);
	return err;
}

int prefix_list_read(struct prefix_list *l, const char *path, char *why, size_t why_len)
{
	size_t before = l->n, line = 0;
	FILE *f = NULL;
	int err = open_file(path, &f);

	if (!err)
		err = read_lines(l, f, &line);
	if (f)
		fclose(f);
	if (!err)
		return 0;
	l->n = before;
	if (err == -EINVAL)
		snprintf(why, why_len, "%s:%zu: no address prefix", path, line);
	else
		snprintf(why, why_len, "%s: %s", path,
			 err == -ENOTSUP ? "no regular file"
			 : err == -EFBIG ? "longer than 16 MiB"
					 : strerror(-err));
	return err;
}
