// SPDX-License-Identifier: GPL-2.0-or-later
// Journals: reading, replacing, locking.
#include "net/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/journal_place.h"
#include "net/setup.h"

#define FORM	 "anytlsd rules 1"
#define SUFFIX	 ".rules"
#define NEW	 ".new"	    /* while it is written */
#define PATIENCE 200	    /* tries to lock, each 50 ms */
#define FILE_MAX (64 << 20) /* of a file: a million routes */

static void file_name(const char *name, const char *suffix, char out[static PLAN_NAME_MAX + 16])
{
	snprintf(out, PLAN_NAME_MAX + 16, "%s%s", name, suffix);
}

static int wait_for_lock(int fd)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
	}
	return -EBUSY;
}

int journal_lock(const char *directory, bool make, char *why, size_t why_len)
{
	int err = 0, fd;

	if (make && mkdir(directory, 0700) < 0 && errno != EEXIST)
		err = -errno;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		err = err ? err : -errno;
		snprintf(why, why_len, "%s: %s", directory, strerror(-err));
		return err;
	}
	err = wait_for_lock(fd);
	if (!err)
		return fd;
	fd_close(fd);
	snprintf(why, why_len, "%s: %s", directory,
		 err == -EBUSY ? "another program is setting rules up or removing them"
			       : strerror(-err));
	return err;
}

/* Reading. */

static int take_line(struct journal *j, const char *line)
{
	struct object o;
	int end = 0;

	if (!strcmp(line, "conntrack yes") || !strcmp(line, "conntrack no")) {
		j->decided = true;
		j->conntrack = !strcmp(line, "conntrack yes");
		return 0;
	}
	if (sscanf(line, "nft text %" SCNx64 " dump %" SCNx64 "%n", &j->nft_text, &j->nft_dump,
		   &end) == 2 &&
	    !line[end]) {
		j->nft = true;
		return 0;
	}
	/* the folder may be that of the user whom the daemon became, and root removes what is told
	 * here: so no more than what could be ours */
	if (object_parse(line, &o) < 0 || o.protocol != PLAN_PROTOCOL)
		return -EINVAL;
	return object_list_add(&j->objects, &o);
}

static int take_lines(struct journal *j, FILE *f, char *why, size_t why_len)
{
	char *line = NULL;
	size_t room = 0, number = 0;
	int err = 0;

	while (!err && getline(&line, &room, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		number++;
		if (number == 1)
			err = strcmp(line, FORM) != 0 ? -EINVAL : 0;
		else if (number == 2)
			err = journal_place_judge(line);
		else
			err = take_line(j, line);
	}
	if (!err && ferror(f))
		err = -EIO;
	free(line);
	if (err == -EINVAL)
		snprintf(why, why_len, "line %zu is not understood", number);
	if (err == -EXDEV)
		snprintf(why, why_len,
			 "is of another network namespace: give one of the two another "
			 "\"state\".\"name\" or \"directory\"");
	return err == -ESTALE ? 0 : err;
}

static int fail(int err, const char *name, char *why, size_t why_len)
{
	snprintf(why, why_len, "%s" SUFFIX ": %s", name, strerror(-err));
	return err;
}

/* A file, and no other thing that somebody put there, on which root would wait, or choke. */
static int open_file(int lock, const char *file)
{
	int fd = fd_open_regular(lock, file, O_NOFOLLOW, FILE_MAX);

	return fd == -ENOTSUP ? -EINVAL : fd;
}

int journal_read(int lock, const char *name, struct journal *ret, char *why, size_t why_len)
{
	char file[PLAN_NAME_MAX + 16], detail[200] = "cannot be read";
	struct journal j = { .exists = true };
	int fd, err;
	FILE *f;

	file_name(name, SUFFIX, file);
	fd = open_file(lock, file);
	if (fd == -ENOENT) {
		*ret = (struct journal){ 0 };
		return 0;
	}
	if (fd < 0)
		return fail(fd, name, why, why_len);
	f = fdopen(fd, "r");
	if (!f) {
		err = -errno;
		fd_close(fd);
		return fail(err, name, why, why_len);
	}
	err = take_lines(&j, f, detail, sizeof(detail));
	fclose(f);
	if (err) {
		snprintf(why, why_len, "%s: %s", file, detail);
		journal_done(&j);
		return err;
	}
	object_list_normal(&j.objects);
	*ret = j;
	return 0;
}

/* Writing. */

static void put(const struct journal *j, FILE *f)
{
	char text[OBJECT_TEXT_MAX];

	fputs(FORM "\n", f);
	journal_place_put(f);
	if (j->decided)
		fprintf(f, "conntrack %s\n", j->conntrack ? "yes" : "no");
	if (j->nft)
		fprintf(f, "nft text %016" PRIx64 " dump %016" PRIx64 "\n", j->nft_text,
			j->nft_dump);
	for (size_t i = 0; i < j->objects.n; i++)
		fprintf(f, "%s\n", object_text(&j->objects.at[i], "add", text));
}

static int put_file(int fd, const struct journal *j)
{
	FILE *f = fdopen(fd, "w");
	int err = 0;

	if (!f) {
		err = -errno;
		fd_close(fd);
		return err;
	}
	put(j, f);
	if (fflush(f) != 0 || fsync(fileno(f)) < 0)
		err = -errno;
	if (fclose(f) != 0 && !err)
		err = -errno;
	return err;
}

/* Whose the folder is, his are the journals: the daemon, which is a user by then, reads and
 * replaces what root wrote. */
static int create(int lock, const char *file)
{
	int fd = openat(lock, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(lock, &st) == 0 &&
	    (st.st_uid == geteuid() || fchown(fd, st.st_uid, st.st_gid) == 0))
		return fd;
	err = -errno;
	fd_close(fd);
	return err;
}

int journal_write(int lock, const char *name, const struct journal *j, char *why, size_t why_len)
{
	char file[PLAN_NAME_MAX + 16], new[PLAN_NAME_MAX + 16];
	int fd, err;

	file_name(name, SUFFIX, file);
	file_name(name, NEW, new);
	unlinkat(lock, new, 0);
	fd = create(lock, new);
	err = fd < 0 ? fd : put_file(fd, j);
	if (!err && (renameat(lock, new, lock, file) < 0 || fsync(lock) < 0))
		err = -errno;
	if (!err)
		return 0;
	unlinkat(lock, new, 0);
	return fail(err, name, why, why_len);
}

int journal_remove(int lock, const char *name)
{
	char file[PLAN_NAME_MAX + 16];

	file_name(name, SUFFIX, file);
	return unlinkat(lock, file, 0) < 0 && errno != ENOENT ? -errno : 0;
}

void journal_done(struct journal *j)
{
	object_list_done(&j->objects);
	*j = (struct journal){ 0 };
}

int setup_each(const char *directory, void (*each)(const char *name, void *arg), void *arg)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name), suffix = strlen(SUFFIX);
		char name[PLAN_NAME_MAX];

		if (n <= suffix || n - suffix >= sizeof(name) ||
		    strcmp(e->d_name + n - suffix, SUFFIX) != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(n - suffix), e->d_name);
		each(name, arg);
	}
	closedir(d);
	return 0;
}

static bool ends(const char *text, const char *with)
{
	size_t n = strlen(text), m = strlen(with);

	return n >= m && strcmp(text + n - m, with) == 0;
}

bool setup_only_journals(const char *directory)
{
	DIR *d = opendir(directory);
	const struct dirent *e;
	bool only = d;

	while (only && (e = readdir(d)))
		only = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		       ends(e->d_name, SUFFIX) || ends(e->d_name, NEW);
	if (d)
		closedir(d);
	return only;
}
