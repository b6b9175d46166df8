/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What link.c, link_write.c and link_queue.c need of each other. */
#ifndef APP_LINK_IMPL_H
#define APP_LINK_IMPL_H

#include "app/link.h"

/* Reads on in the next turn, unless the link is paused or dead. */
void link_post_read(struct link *l);
/* The queues changed: reads on, unless it is still too early. */
void link_unpause(struct link *l);
/* The wire can take bytes again, or is about to be closed: sends what is queued. */
void link_flush(struct link *l);
/* Whether somebody downstream has to catch up before more is read; looks for stuck streams. */
bool link_must_pause(struct link *l);
/* Has reading tried again in a while, whatever the queues do. */
void link_look_again(struct link *l);
/* Disarms the timers of writing and queueing. */
void link_stop_timers(struct link *l);

#endif
