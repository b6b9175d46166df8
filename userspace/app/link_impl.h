/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What link.c, link_write.c, link_queue.c, link_silence.c and link_pipe.c need of each other. */
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
/* Ends a session that may send nothing more under its key, in good order; returns whether it did.
 */
bool link_end_if_spent(struct link *l);
/* n bytes came by the wire. */
void link_heard(struct link *l, size_t n);
/* Takes bytes of the wire, in the order in which they came. May end the link. */
void link_parse(struct link *l, const uint8_t *p, size_t n);
/* Whether the next read goes by pipe. */
bool link_pipes(struct link *l);
/* Whether it is better to wait for a destination than to fill its queue. */
bool link_pipe_must_pause(struct link *l);
/* One read by pipe, passed on. As wire_splice_in(). May end the link. */
ssize_t link_pipe_read(struct link *l);
/* Whether the session has one stream; it has at least that. */
static inline bool link_alone(const struct link *l)
{
	return l->streams.next->next == &l->streams;
}

/* Bytes were written: the session ends if the peer acknowledges nothing for `ack_timeout`. */
void link_expect_ack(struct link *l);
/* Disarms all timers. */
void link_stop_timers(struct link *l);

#endif
