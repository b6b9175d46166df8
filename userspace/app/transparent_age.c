// SPDX-License-Identifier: GPL-2.0-or-later
// How long captured flows may be silent, and which of them make place for others.
#include "app/transparent_udp.h"

#define SWEEP_MS 1000
/* As conntrack's defaults; and long enough for the second of two questions that share a port. */
#define WAITING_MS  30000
#define ANSWERED_MS 120000
#define DONE_MS	    5000
#define TRIES	    8	 /* at finding one whose client has not just sent something */
#define LOOKED_AT   64	 /* at finding something of one client's */
#define SILENT_MS   1000 /* without an answer for so long, it may be ended to make place */
#define FEW	    4	 /* a quarter of limits.udp_sessions are few, and need make no place */

static uint64_t patience(const struct transparent_udp *u, enum udp_age age)
{
	static const uint32_t ms[UDP_AGES] = {
		[UDP_WAITING] = WAITING_MS,
		[UDP_ANSWERED] = ANSWERED_MS,
		[UDP_DONE] = DONE_MS,
	};
	uint32_t bound = u->t->in.config->udp_timeout_ms;

	return ms[age] < bound ? ms[age] : bound;
}

static struct udp_flow *longest_silent(struct transparent_udp *u, enum udp_age age)
{
	struct list *l = &u->ages[age];

	return list_empty(l) ? NULL : container_of(l->next, struct udp_flow, in_age);
}

static uint64_t silent_ms(const struct transparent_udp *u, uint64_t used_ms)
{
	return loop_now_ms(u->w->loop) - used_ms;
}

static struct udp_association *first_of(struct list *l)
{
	return list_empty(l) ? NULL : container_of(l->next, struct udp_association, in_use);
}

static bool unread(const struct udp_association *a)
{
	list_for_each (it, &a->flows)
		if (udp_flow_unread(container_of(it, struct udp_flow, in_association)))
			return true;
	return false;
}

/*
 * Clients that ask once and are answered leave an association behind. While many sessions are in
 * use, such are taken to be over after a second, the longest silent first. NULL: none is.
 */
static struct udp_association *find_over(struct transparent_udp *u)
{
	uint32_t few = u->w->config->limits.udp_sessions / FEW;
	struct udp_association *a;

	if (atomic_load_explicit(&u->w->program->n_udp_sessions, memory_order_relaxed) <= few)
		return NULL;
	while ((a = first_of(&u->answered)) && silent_ms(u, a->used_ms) >= SILENT_MS) {
		if (!unread(a))
			return a;
		udp_association_used(a, false);
	}
	return NULL;
}

void udp_end_one_over(struct transparent_udp *u)
{
	struct udp_association *a = find_over(u);

	if (a)
		udp_association_end(a);
}

/* Nobody came who could use their sessions: those end as well. */
static void shed(struct transparent_udp *u)
{
	struct udp_association *a;

	while ((a = find_over(u))) {
		struct outbound *o = a->o;

		udp_association_end(a);
		if (o->ops->part)
			o->ops->part(o);
	}
}

static void sweep(struct timer *t)
{
	struct transparent_udp *u = container_of(t, struct transparent_udp, sweep);
	struct udp_flow *f;

	for (enum udp_age age = 0; age < UDP_AGES; age++)
		while ((f = longest_silent(u, age)) && silent_ms(u, f->used_ms) >= patience(u, age))
			udp_flow_end(f);
	shed(u);
	if (u->flows)
		loop_arm(u->w->loop, t, SWEEP_MS, sweep);
}

void udp_ages_init(struct transparent_udp *u)
{
	for (enum udp_age age = 0; age < UDP_AGES; age++)
		list_init(&u->ages[age]);
	list_init(&u->waiting);
	list_init(&u->answered);
}

void udp_age(struct udp_flow *f, enum udp_age age)
{
	struct transparent_udp *u = f->a->u;
	uint64_t now = loop_now_ms(u->w->loop);

	if (f->age == age && f->used_ms == now)
		return;
	f->age = age;
	f->used_ms = now;
	list_remove(&f->in_age);
	list_push_back(&u->ages[age], &f->in_age);
	if (!u->sweep.slot)
		loop_arm(u->w->loop, &u->sweep, SWEEP_MS, sweep);
}

/* Who has to make a place for another. */
struct giver {
	const struct udp_source *only; /* NULL: anybody */
	bool at_once; /* without regard to what it has just sent: it has most, and others wait */
};

static struct giver giver(const struct udp_source *greedy, const union sockaddr_any *client)
{
	return (struct giver){ greedy, greedy && client && !udp_source_is(greedy, client) };
}

static struct udp_flow *longest_silent_of(struct transparent_udp *u, enum udp_age age,
					  const struct giver *g)
{
	unsigned n = 0;

	list_for_each (it, &u->ages[age]) {
		struct udp_flow *f = container_of(it, struct udp_flow, in_age);

		if (!g->only || f->a->source == g->only)
			return f;
		if (++n == LOOKED_AT)
			break;
	}
	return NULL;
}

static struct udp_flow *worst_flow(struct transparent_udp *u, const struct giver *g)
{
	struct udp_flow *worst = longest_silent_of(u, UDP_WAITING, g);

	if (worst && !g->at_once && silent_ms(u, worst->used_ms) < SILENT_MS)
		worst = NULL;
	for (enum udp_age age = UDP_ANSWERED; age < UDP_AGES; age++) {
		struct udp_flow *f = longest_silent_of(u, age, g);

		if (f && (!worst || f->used_ms < worst->used_ms))
			worst = f;
	}
	return worst;
}

bool udp_evict_flow(struct transparent_udp *u, const union sockaddr_any *client)
{
	struct giver g = giver(udp_greedy_of_flows(u), client);
	struct udp_flow *f;

	for (int i = 0; i < TRIES && (f = worst_flow(u, &g)); i++) {
		if (!g.at_once && udp_flow_unread(f)) {
			udp_age(f, UDP_WAITING);
			continue;
		}
		count(&u->w->counters.udp_evicted, 1);
		udp_flow_end(f);
		return true;
	}
	return false;
}

static struct udp_association *first_of_giver(struct list *l, const struct giver *g)
{
	unsigned n = 0;

	list_for_each (it, l) {
		struct udp_association *a = container_of(it, struct udp_association, in_use);

		if (!g->only || a->source == g->only)
			return a;
		if (++n == LOOKED_AT)
			break;
	}
	return NULL;
}

static struct udp_association *worst_association(struct transparent_udp *u, const struct giver *g)
{
	struct udp_association *a = first_of_giver(&u->answered, g);
	struct udp_association *b = first_of_giver(&u->waiting, g);

	if (b && (g->at_once || silent_ms(u, b->used_ms) >= SILENT_MS) &&
	    (!a || b->used_ms < a->used_ms))
		a = b;
	return a;
}

bool udp_evict_association(struct transparent_udp *u, const union sockaddr_any *client)
{
	struct giver g = giver(udp_greedy_of_sessions(u), client);
	struct udp_association *a;

	for (int i = 0; i < TRIES && (a = worst_association(u, &g)); i++) {
		if (!g.at_once && unread(a)) {
			udp_association_used(a, false);
			continue;
		}
		count(&u->w->counters.udp_evicted, 1);
		udp_association_end(a);
		return true;
	}
	return false;
}
