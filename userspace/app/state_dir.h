/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folder of one instance: made, locked for as long as the daemon lives, cleared and removed. */
#ifndef APP_STATE_DIR_H
#define APP_STATE_DIR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* `fd` holds the lock: flock(2) on the folder itself, which ends with the process. -1: not open. */
struct state_dir {
	int fd;
	char path[PATH_MAX];
};

#define STATE_DIR_NONE ((struct state_dir){ .fd = -1 })

/*
 * Opens PATH, making it (mode 0700) where it is missing, and takes its lock; what a daemon that is
 * dead left there is removed. Where a living daemon has it: PATH-PID. Other PATH-NUMBER whose
 * daemon is dead are removed. `owner` is whose folder it may be besides root's and ours, or
 * (uid_t)-1. 0, or -errno with a reason in why.
 */
int state_dir_open(const char *path, uid_t owner, struct state_dir *ret, char *why, size_t why_len);

/* Removes what a daemon makes there, and the folder, as far as that is allowed; gives up the lock.
 */
void state_dir_remove(struct state_dir *d);

/* Whether a living daemon has the folder of this descriptor. */
bool state_dir_locked(int fd);

/* The last part of the path: the instance's name. */
const char *state_dir_name(const struct state_dir *d);

#endif
