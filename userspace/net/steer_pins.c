// SPDX-License-Identifier: GPL-2.0-or-later
// Pins in a bpffs: the folder, and its entries by name.
#include "net/steer_pins.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define STAGED "new-"

int steer_pin_path(const char *folder, const char *name, char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s", folder, name);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int staged_path(const char *folder, const char *name, char out[static PATH_MAX])
{
	char staged[NAME_MAX];

	snprintf(staged, sizeof(staged), STAGED "%s", name);
	return steer_pin_path(folder, staged, out);
}

/* Who may write there could give us maps and programs of his own. */
static int check(const char *folder, char *why, size_t why_len)
{
	struct stat st;
	struct statfs fs;

	if (lstat(folder, &st) < 0 || statfs(folder, &fs) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) || fs.f_type != BPF_FS_MAGIC) {
		snprintf(why, why_len, "%s: no folder in a BPF file system", folder);
		return -EINVAL;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		snprintf(why, why_len, "%s belongs to user id %u", folder, st.st_uid);
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, why_len, "%s may be written by others", folder);
		return -EPERM;
	}
	return 0;
}

int steer_pins_make(const char *folder, char *why, size_t why_len)
{
	bool made = mkdir(folder, 0700) == 0;
	int err = made || errno == EEXIST ? 0 : -errno;

	snprintf(why, why_len, "%s: %s", folder, strerror(-err));
	if (!err)
		err = check(folder, why, why_len);
	if (err && made)
		rmdir(folder);
	return err;
}

int steer_pin_open(const char *folder, const char *name, unsigned flags)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = flags);
	char path[PATH_MAX];
	int fd = steer_pin_path(folder, name, path);

	if (fd < 0)
		return fd;
	fd = bpf_obj_get_opts(path, &opts);
	return fd < 0 ? -errno : fd;
}

int steer_pin_stage(const char *folder, const char *name, int fd)
{
	char path[PATH_MAX];
	int err = staged_path(folder, name, path);

	if (err)
		return err;
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

int steer_pin_commit(const char *folder, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	int err = staged_path(folder, name, from);

	if (!err)
		err = steer_pin_path(folder, name, to);
	if (err)
		return err;
	return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

/* Also the names that another version of us has for its maps. */
static bool is_ours(const char *name, bool all)
{
	if (strncmp(name, STAGED, strlen(STAGED)) == 0)
		return true;
	return all && (strcmp(name, "link") == 0 || strncmp(name, "steer", 5) == 0);
}

int steer_pins_sweep(const char *folder, bool all)
{
	DIR *dir = opendir(folder);
	const struct dirent *e;
	int err = 0;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if (is_ours(e->d_name, all) && unlinkat(dirfd(dir), e->d_name, 0) < 0)
			err = -errno;
	closedir(dir);
	return err;
}
