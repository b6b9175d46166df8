// SPDX-License-Identifier: GPL-2.0-or-later
// Questions that wait for their answers, under ids of our own.
#include <stdlib.h>
#include <string.h>

#include "app/dns_hijack_impl.h"
#include "base/rng.h"

#define PENDING_MAX 4096 /* beyond it the oldest is given up */
#define PENDING_MS  5000
#define SWEEP_MS    1000

void dns_pending_done(struct dns_hijack *h, struct dns_pending *p)
{
	HASH_DEL(h->pending, p);
	list_remove(&p->in_age);
	free(p);
}

void dns_pending_clear(struct dns_hijack *h)
{
	while (!list_empty(&h->ages))
		dns_pending_done(h, container_of(h->ages.next, struct dns_pending, in_age));
	loop_disarm(h->u->w->loop, &h->sweep);
}

/* It was not answered. Where nothing else has been since it was asked, the way there may be dead.
 */
static void give_up(struct dns_hijack *h, struct dns_pending *p)
{
	struct dns_far *far = p->far;
	bool dead = far->p.peer && far->heard_ms <= p->at_ms;

	dns_pending_done(h, p);
	udp_drop(h->u);
	if (dead)
		dns_far_end(far);
}

static void sweep(struct timer *t)
{
	struct dns_hijack *h = container_of(t, struct dns_hijack, sweep);
	uint64_t now = loop_now_ms(h->u->w->loop);

	while (!list_empty(&h->ages)) {
		struct dns_pending *p = container_of(h->ages.next, struct dns_pending, in_age);

		if (now - p->at_ms < PENDING_MS) {
			loop_arm(h->u->w->loop, t, SWEEP_MS, sweep);
			return;
		}
		give_up(h, p);
	}
}

static struct dns_pending *find_id(struct dns_hijack *h, uint16_t id)
{
	struct dns_pending *p;

	HASH_FIND(hh, h->pending, &id, sizeof(id), p);
	return p;
}

static uint16_t free_id(struct dns_hijack *h)
{
	uint16_t id;

	do {
		rng_bytes(&id, sizeof(id));
	} while (find_id(h, id));
	return id;
}

struct dns_pending *dns_pending_add(struct dns_hijack *h, struct dns_far *far,
				    const struct datagram *d, const struct dns_message *m)
{
	struct dns_pending *p = malloc(sizeof(*p) + m->question_len);

	if (!p)
		return NULL;
	if (HASH_COUNT(h->pending) >= PENDING_MAX) {
		dns_pending_done(h, container_of(h->ages.next, struct dns_pending, in_age));
		udp_drop(h->u);
	}
	*p = (struct dns_pending){ .id = free_id(h),
				   .client_id = m->id,
				   .client = d->from,
				   .asked = d->to,
				   .at_ms = loop_now_ms(h->u->w->loop),
				   .far = far,
				   .len = m->question_len };
	memcpy(p->question, m->question, m->question_len);
	HASH_ADD(hh, h->pending, id, sizeof(p->id), p);
	list_push_back(&h->ages, &p->in_age);
	if (!h->sweep.slot)
		loop_arm(h->u->w->loop, &h->sweep, SWEEP_MS, sweep);
	return p;
}

struct dns_pending *dns_pending_find(struct dns_hijack *h, const struct dns_far *far,
				     const struct dns_message *m)
{
	struct dns_pending *p = find_id(h, m->id);

	if (!p || p->far != far || !dns_message_answers(m, p->question, p->len))
		return NULL;
	return p;
}
