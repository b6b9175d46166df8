// SPDX-License-Identifier: GPL-2.0-or-later
// Folders of instances, and who has which.
#include "app/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"

#define TRIES	 5 /* somebody only asks who has it, or it is just being removed */
#define TRY_NSEC 20000000

/* All that a daemon puts there. */
static const char *const contents[] = { "header",  "workers", "sessions",
					"streams", "bpf",     "control.sock" };

const char *state_dir_name(const struct state_dir *d)
{
	const char *slash = strrchr(d->path, '/');

	return slash ? slash + 1 : d->path;
}

static void clear(int fd)
{
	for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++)
		unlinkat(fd, contents[i], 0);
}

bool state_dir_locked(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(fd, LOCK_UN);
	return false;
}

/* Whether the path still leads to what is open: whoever had it last may have removed it. */
static bool same(int fd, const char *path)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev &&
	       here.st_ino == there.st_ino;
}

/* A folder that others may change is no place for sockets and files of ours. */
static int check(int fd, uid_t owner, const char *path, char *why, size_t why_len)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != owner) {
		snprintf(why, why_len, "%s belongs to user id %u", path, st.st_uid);
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, why_len, "%s may be written by others", path);
		return -EPERM;
	}
	return 0;
}

/* A descriptor with the lock, or -errno: -EBUSY where a living daemon has it. */
static int lock_once(const char *path, uid_t owner, char *why, size_t why_len)
{
	int err, fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		err = -errno;
		snprintf(why, why_len, "%s: %s", path, strerror(-err));
		return err;
	}
	err = check(fd, owner, path, why, why_len);
	if (!err && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		snprintf(why, why_len, "%s: %s", path,
			 err == -EBUSY ? "a running daemon has it" : strerror(-err));
	}
	if (!err && !same(fd, path)) {
		err = -EBUSY;
		snprintf(why, why_len, "%s comes and goes", path);
	}
	if (!err)
		return fd;
	fd_close(fd);
	return err;
}

static int lock_path(const char *path, uid_t owner, char *why, size_t why_len)
{
	int fd = -EBUSY;

	for (int i = 0; i < TRIES && (fd == -EBUSY || fd == -ENOENT); i++) {
		if (i > 0)
			nanosleep(&(struct timespec){ .tv_nsec = TRY_NSEC }, NULL);
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			fd = -errno;
			snprintf(why, why_len, "%s: %s", path, strerror(-fd));
			return fd;
		}
		fd = lock_once(path, owner, why, why_len);
	}
	return fd;
}

/* Whether text is BASE-NUMBER. */
static bool is_sibling(const char *text, const char *base)
{
	size_t n = strlen(base);

	return strncmp(text, base, n) == 0 && text[n] == '-' && text[n + 1] &&
	       text[n + 1 + strspn(text + n + 1, "0123456789")] == '\0';
}

/* Removes the folders that daemons left which found the name taken. */
static void sweep(const struct state_dir *d, uid_t owner)
{
	const char *name = state_dir_name(d);
	char parent[PATH_MAX], why[PATH_MAX + 100];
	struct state_dir old;
	struct dirent *e;
	DIR *dir;

	snprintf(parent, sizeof(parent), "%.*s", (int)(name - d->path), d->path);
	dir = opendir(*parent ? parent : ".");
	while (dir && (e = readdir(dir))) {
		if (!is_sibling(e->d_name, name))
			continue;
		if (snprintf(old.path, sizeof(old.path), "%s%s", parent, e->d_name) >=
		    (int)sizeof(old.path))
			continue;
		old.fd = lock_once(old.path, owner, why, sizeof(why));
		if (old.fd >= 0)
			state_dir_remove(&old);
	}
	if (dir)
		closedir(dir);
}

int state_dir_open(const char *path, uid_t owner, struct state_dir *ret, char *why, size_t why_len)
{
	struct state_dir d;
	int n = snprintf(d.path, sizeof(d.path), "%s", path);

	while (n > 1 && n < (int)sizeof(d.path) && d.path[n - 1] == '/')
		d.path[--n] = '\0';
	if (n + 12 >= (int)sizeof(d.path)) {
		snprintf(why, why_len, "the path of its folder is too long");
		return -ENAMETOOLONG;
	}
	d.fd = lock_path(d.path, owner, why, why_len);
	if (d.fd >= 0)
		sweep(&d, owner);
	if (d.fd == -EBUSY) {
		snprintf(d.path + n, sizeof(d.path) - (size_t)n, "-%d", getpid());
		d.fd = lock_path(d.path, owner, why, why_len);
	}
	if (d.fd < 0)
		return d.fd;
	clear(d.fd);
	*ret = d;
	return 0;
}

void state_dir_remove(struct state_dir *d)
{
	if (d->fd < 0)
		return;
	clear(d->fd);
	rmdir(d->path);
	fd_close(fd_take(&d->fd));
}
