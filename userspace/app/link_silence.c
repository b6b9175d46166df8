// SPDX-License-Identifier: GPL-2.0-or-later
// Ends sessions whose peer acknowledges nothing any more.
#include "app/link_impl.h"
#include "io/sockopt.h"

/*
 * Keepalive is off while sent bytes wait for their acknowledgement, and TCP repeats them for a
 * quarter of an hour. TCP_USER_TIMEOUT is not the answer: it also ends connections whose peer is
 * well, but has a closed window for that long. So the socket is looked at several times in
 * `ack_timeout`, from the first byte that is sent on, as long as anything waits.
 */
#define LOOKS 4

static void look(struct timer *t)
{
	struct link *l = container_of(t, struct link, silence_timer);
	uint32_t every = l->w->config->limits.ack_timeout_ms / LOOKS;
	int silence = sockopt_silence_ms(wire_fd(l->wire));

	l->silent = silence >= (int)every ? l->silent + 1 : 0;
	if (l->silent >= LOOKS)
		link_end(l, "its peer acknowledges nothing");
	else if (wire_unacked(l->wire) > 0) /* what this turn writes may not be with TCP yet */
		loop_arm(l->w->loop, t, every, look);
}

void link_expect_ack(struct link *l)
{
	if (!l->silence_timer.slot)
		loop_arm(l->w->loop, &l->silence_timer, l->w->config->limits.ack_timeout_ms / LOOKS,
			 look);
}
