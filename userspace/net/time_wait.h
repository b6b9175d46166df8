/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets of captured flows that stand in the way of forwarding. One in TIME_WAIT answers for a
 * forwarded flow that reuses the port (kernel notes A); of a flow that is to be forwarded from now
 * on the kernel drops every packet, as long as it finds a socket for it.
 */
#ifndef NET_TIME_WAIT_H
#define NET_TIME_WAIT_H

#include "base/prefix.h"

/* Destroys those whose local address is none of `own` (normal). Returns how many, or -errno. */
int time_wait_destroy(const struct prefix_list *own);
/*
 * Destroys connected sockets, TCP and UDP, with that mark (one bit), whose local address is none of
 * `own` and one of `to` (both normal). Their peers see a reset. Returns how many, or -errno.
 */
int captured_destroy(const struct prefix_list *own, const struct prefix_list *to, uint32_t mark);

#endif
