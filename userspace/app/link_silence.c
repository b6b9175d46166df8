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

static uint32_t look_ms(const struct link *l)
{
	return l->w->config->limits.ack_timeout_ms / LOOKS;
}

static void look(struct timer *t)
{
	struct link *l = container_of(t, struct link, silence_timer);
	bool waits = wire_unacked(l->wire) > 0; /* or is about to be with TCP, from this turn */

	l->silent = waits && sockopt_silence_ms(wire_fd(l->wire)) >= look_ms(l) ? l->silent + 1 : 0;
	if (l->silent >= LOOKS)
		link_end(l, "its peer acknowledges nothing");
	else if (waits)
		loop_arm(l->w->loop, t, look_ms(l), look);
}

void link_expect_ack(struct link *l)
{
	if (!l->silence_timer.slot)
		loop_arm(l->w->loop, &l->silence_timer, look_ms(l), look);
}
