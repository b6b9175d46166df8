/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TIME_WAIT sockets that captured connections leave at the gateway: they answer for a forwarded
 * flow that reuses the port (kernel notes A). */
#ifndef NET_TIME_WAIT_H
#define NET_TIME_WAIT_H

#include "base/prefix.h"

/* Destroys those whose local address is none of `own` (normal). Returns how many, or -errno. */
int time_wait_destroy(const struct prefix_list *own);

#endif
