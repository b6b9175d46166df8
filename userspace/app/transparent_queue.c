// SPDX-License-Identifier: GPL-2.0-or-later
// First datagrams of flows that wait until there is a place for them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/transparent_udp.h"

#define QUEUE_MAX	4096
#define QUEUE_BYTES_MAX (4 * 1024 * 1024)
#define QUEUE_MS	2000 /* whoever sent it tries again then */
#define LOOK_MS		20   /* another worker may have given a place back */

struct queued {
	struct list link;
	uint64_t at_ms;
	union sockaddr_any from, to;
	size_t n;
	uint8_t data[];
};

static struct queued *first(const struct transparent_udp *u)
{
	return container_of(u->queue.next, struct queued, link);
}

static void take_out(struct transparent_udp *u, struct queued *q)
{
	list_remove(&q->link);
	u->n_queue--;
	u->queue_bytes -= q->n;
	free(q);
}

/* Whether the oldest one has gone on, or is not to wait any longer. */
static bool go_on(struct transparent_udp *u)
{
	struct queued *q = first(u);
	struct datagram d = { .from = q->from, .to = q->to, .data = q->data, .n = q->n };
	bool late = loop_now_ms(u->w->loop) - q->at_ms >= QUEUE_MS;

	if (!late && udp_begin(u, &d) == -EAGAIN)
		return false;
	if (late)
		udp_drop(u);
	take_out(u, q);
	return true;
}

static void look(struct timer *t);

static void serve(struct task *t)
{
	struct transparent_udp *u = container_of(t, struct transparent_udp, queue_task);

	while (!list_empty(&u->queue) && go_on(u))
		;
	if (!list_empty(&u->queue) && !u->queue_timer.slot)
		loop_arm(u->w->loop, &u->queue_timer, LOOK_MS, look);
}

static void look(struct timer *t)
{
	serve(&container_of(t, struct transparent_udp, queue_timer)->queue_task);
}

void udp_queue_init(struct transparent_udp *u)
{
	list_init(&u->queue);
}

void udp_queue_done(struct transparent_udp *u)
{
	loop_unpost(u->w->loop, &u->queue_task);
	loop_disarm(u->w->loop, &u->queue_timer);
	while (!list_empty(&u->queue))
		take_out(u, first(u));
}

void udp_queue_wake(struct transparent_udp *u)
{
	if (!list_empty(&u->queue))
		loop_post(u->w->loop, &u->queue_task, serve);
}

void udp_queue_add(struct transparent_udp *u, const struct datagram *d)
{
	struct queued *q = NULL;

	if (u->n_queue < QUEUE_MAX && u->queue_bytes + d->n <= QUEUE_BYTES_MAX)
		q = malloc(sizeof(*q) + d->n);
	if (!q) {
		udp_drop(u);
		return;
	}
	*q = (struct queued){
		.at_ms = loop_now_ms(u->w->loop), .from = d->from, .to = d->to, .n = d->n
	};
	memcpy(q->data, d->data, d->n);
	list_push_back(&u->queue, &q->link);
	u->n_queue++;
	u->queue_bytes += d->n;
	if (!u->queue_timer.slot)
		loop_arm(u->w->loop, &u->queue_timer, LOOK_MS, look);
}
