/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's own addresses and its interfaces, kept current by netlink, in a loop. */
#ifndef NET_OWN_H
#define NET_OWN_H

#include "base/prefix.h"
#include "ev/loop.h"

struct own;

/*
 * Own are: every address of every interface, and what the table "local" says is local, broadcast,
 * anycast or multicast; also 255.255.255.255, 224.0.0.0/4, ff00::/8 and the unspecified addresses.
 */
struct own_watch {
	/* Both return whether the news was taken: what was not is told again after 5 s.
	 *
	 * Something changed (or was lost: then all is read anew). The list is borrowed for the call
	 * and normal. */
	bool (*addresses)(struct own_watch *w, const struct prefix_list *own);
	/* Interfaces came, went or were renamed: look their indexes up again. */
	bool (*links)(struct own_watch *w);
};

/* Reads everything and calls both; then watches. NULL and why on failure. */
struct own *own_start(struct loop *l, struct own_watch *w, char *why, size_t why_len);
void own_stop(struct own *o);
/* Only reads. 0 or -errno; *ret is normal and the caller's. */
int own_read(struct prefix_list *ret);

#endif
