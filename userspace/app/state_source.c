// SPDX-License-Identifier: GPL-2.0-or-later
// Files by pread(), maps by BPF_OBJ_GET and mmap(), so that the reader needs no library for either.
#include "app/state_source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	int ret = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

static int open_file(struct state_source *s, int dir, const char *name, size_t len, char *why,
		     size_t why_len)
{
	struct stat st;
	int err = 0;

	s->fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		err = -errno;
	if (!err && (!S_ISREG(st.st_mode) || st.st_size < (off_t)len)) {
		snprintf(why, why_len, "%s: damaged: it is too short", name);
		return -EPROTO;
	}
	if (err)
		snprintf(why, why_len, "%s: %s", name, strerror(-err));
	return err;
}

/* Whether the map is an array like ours. */
static bool fits(int fd, uint32_t n, size_t size)
{
	struct bpf_map_info info = { 0 };
	union bpf_attr attr = { .info = { .bpf_fd = (uint32_t)fd,
					  .info_len = sizeof(info),
					  .info = (uint64_t)(uintptr_t)&info } };

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && info.type == BPF_MAP_TYPE_ARRAY &&
	       info.value_size == size && info.max_entries >= n;
}

static int open_map(struct state_source *s, int dir, const char *name, uint32_t n, size_t size,
		    char *why, size_t why_len)
{
	char path[100];
	/* not BPF_F_RDONLY: the kernel takes mappings of such for private ones, which it refuses */
	union bpf_attr attr = { .pathname = (uint64_t)(uintptr_t)path };

	snprintf(path, sizeof(path), "/proc/self/fd/%d/bpf/%s", dir, name);
	s->fd = bpf(BPF_OBJ_GET, &attr);
	if (s->fd < 0) {
		snprintf(why, why_len, "bpf/%s: %s", name, strerror(-s->fd));
		return s->fd;
	}
	if (!fits(s->fd, n, size)) {
		snprintf(why, why_len, "bpf/%s: it is another map", name);
		return -EPROTO;
	}
	s->len = n * size;
	s->map = mmap(NULL, s->len, PROT_READ, MAP_SHARED, s->fd, 0);
	if (s->map != MAP_FAILED)
		return 0;
	s->map = NULL;
	snprintf(why, why_len, "bpf/%s: %s", name, strerror(errno));
	return -EIO;
}

int state_source_open(struct state_source *s, int dir, const char *name, uint32_t n, size_t size,
		      char *why, size_t why_len)
{
	struct stat st;
	bool maps;

	*s = (struct state_source){ .fd = -1 };
	maps = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	       fstatat(dir, "bpf", &st, AT_SYMLINK_NOFOLLOW) == 0;
	return maps ? open_map(s, dir, name, n, size, why, why_len)
		    : open_file(s, dir, name, n * size, why, why_len);
}

int state_source_read(const struct state_source *s, size_t off, void *to, size_t n)
{
	if (!s->map)
		return pread(s->fd, to, n, (off_t)off) == (ssize_t)n ? 0 : -EIO;
	if (off > s->len || n > s->len - off)
		return -EIO;
	memcpy(to, (const uint8_t *)s->map + off, n);
	return 0;
}

void state_source_close(struct state_source *s)
{
	if (s->map)
		munmap(s->map, s->len);
	fd_close(fd_take(&s->fd));
	s->map = NULL;
}
