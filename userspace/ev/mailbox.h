/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages into a loop's thread from any other thread. */
#ifndef EV_MAILBOX_H
#define EV_MAILBOX_H

#include "ev/loop.h"

/* Embed it in what is sent; it belongs to the mailbox from mailbox_send() until receive() has it.
 */
struct mail {
	struct mail *next;
	void (*receive)(struct mail *m,
			void *owner); /* in the loop's thread; m is the callee's now */
};

struct mailbox;

/* Receives in the thread that runs `l`; `owner` is passed to each receive(). NULL on failure. */
struct mailbox *mailbox_new(struct loop *l, void *owner);
/* In the loop's thread, or after it has ended: receives what is there already. */
void mailbox_receive(struct mailbox *mb);
/* After the loop has ended and no thread sends any more. Unreceived mail is lost (not freed). */
void mailbox_free(struct mailbox *mb);
/* Any thread; in order per sender; never fails and never blocks for long. */
void mailbox_send(struct mailbox *mb, struct mail *m);

#endif
