/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of struct steer, for the files that make it up. */
#ifndef NET_STEER_IMPL_H
#define NET_STEER_IMPL_H

#include "net/steer.h"
#include "net/steer_load.h"

struct steer {
	struct steer_kernel kernel; /* without the program: the link holds it */
	unsigned told;		    /* slots, a bit each, whose ports this process has set */
};

/* As steer_own(). */
int steer_put_own(int map, const struct prefix_list *own);

#endif
