// SPDX-License-Identifier: GPL-2.0-or-later
// Telling network namespaces apart, and whether one still exists.
#include "net/journal_place.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define BOOT_SIZE 40

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* A cookie is never given twice in a boot; an inode number is, but it can be looked for. */
struct place {
	char boot[BOOT_SIZE];
	uint64_t cookie, inode;
};

static void find_boot(char out[static BOOT_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, BOOT_SIZE - 1);

	fd_close(fd);
	if (n > 0)
		out[n] = '\0';
	else
		strcpy(out, "unknown");
	out[strcspn(out, "\n")] = '\0';
}

static struct place find_place(void)
{
	struct place p = { 0 };
	socklen_t len = sizeof(p.cookie);
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	find_boot(p.boot);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &p.cookie, &len) < 0)
		p.cookie = 0;
	fd_close(fd);
	if (stat("/proc/thread-self/ns/net", &st) == 0)
		p.inode = st.st_ino;
	return p;
}

static bool is_namespace(int dir, const char *path, uint64_t inode)
{
	struct stat st;

	return fstatat(dir, path, &st, 0) == 0 && st.st_ino == inode;
}

/* In a folder of processes, or of names that `ip netns` gave. */
static bool is_found_in(const char *folder, const char *below, uint64_t inode)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[300];
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		if (*below && !isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s%s", e->d_name, below);
		found = is_namespace(dirfd(d), path, inode);
	}
	if (d)
		closedir(d);
	return found;
}

static bool still_is(uint64_t inode)
{
	return is_found_in("/proc", "/ns/net", inode) || is_found_in("/run/netns", "", inode);
}

void journal_place_put(FILE *f)
{
	struct place p = find_place();

	fprintf(f, "place %s netns %" PRIu64 " inode %" PRIu64 "\n", p.boot, p.cookie, p.inode);
}

int journal_place_judge(const char *line)
{
	struct place here = find_place(), p;

	if (sscanf(line, "place %39s netns %" SCNu64 " inode %" SCNu64, p.boot, &p.cookie,
		   &p.inode) != 3)
		return -EINVAL;
	if (strcmp(p.boot, here.boot) != 0)
		return -ESTALE;
	if (p.cookie == here.cookie)
		return 0;
	/* a number that is ours by now is the other one's no longer */
	return p.inode != here.inode && still_is(p.inode) ? -EXDEV : -ESTALE;
}
