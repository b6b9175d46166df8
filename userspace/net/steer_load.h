/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sk_lookup program and its maps as descriptors; maps of an earlier program are used again. */
#ifndef NET_STEER_LOAD_H
#define NET_STEER_LOAD_H

#include <stdbool.h>

enum steer_map {
	STEER_MAP_SOCKETS,
	STEER_MAP_IFACES,
	STEER_MAP_OWN,
	STEER_MAP_TARGETS,
	STEER_MAP_PORTS,
	STEER_MAP_SLOTS,
	STEER_MAP_STATE,
	STEER_MAP_COUNTS,
	STEER_MAPS
};

extern const char *const steer_map_names[STEER_MAPS];

/* -1 where there is none. */
struct steer_kernel {
	int maps[STEER_MAPS];
	bool fresh[STEER_MAPS]; /* made by steer_kernel_load(), and empty */
	int program;
};

#define STEER_KERNEL_NONE                                                                          \
	(struct steer_kernel)                                                                      \
	{                                                                                          \
		.maps = { -1, -1, -1, -1, -1, -1, -1, -1 }, .program = -1                          \
	}

/*
 * Loads the program with the maps that are there, and makes those that are missing. A map whose
 * form is not the program's is closed and made anew. 0 or -errno.
 */
int steer_kernel_load(struct steer_kernel *k);
void steer_kernel_close(struct steer_kernel *k);

#endif
