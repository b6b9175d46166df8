/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder of pins in a bpffs, whose entries are replaced in one step each. */
#ifndef NET_STEER_PINS_H
#define NET_STEER_PINS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* "FOLDER/NAME"; a name that begins with "new-" is that of a pin to be. 0 or -ENAMETOOLONG. */
int steer_pin_path(const char *folder, const char *name, char out[static PATH_MAX]);

/* The folder, made where its parent is there. 0, or -errno and why: it is in no bpffs, is another
 * user's, or may be written by others. */
int steer_pins_make(const char *folder, char *why, size_t why_len);

/* A descriptor, or -errno; flags: 0 or BPF_F_RDONLY. */
int steer_pin_open(const char *folder, const char *name, unsigned flags);

/* Pins fd, for steer_pin_commit() to give it its name, in place of what has it. 0 or -errno. */
int steer_pin_stage(const char *folder, const char *name, int fd);
/* What is staged gets its name; without it nothing happens. 0 or -errno. */
int steer_pin_commit(const char *folder, const char *name);

/* Unpins what has our names: those of pins to be only, or all. 0 or -errno. */
int steer_pins_sweep(const char *folder, bool all);

#endif
