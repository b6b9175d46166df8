// SPDX-License-Identifier: GPL-2.0-or-later
// A client's warm sessions: how many there are, and that they are really alive.
#include <errno.h>

#include "app/client.h"

#define WARM_DELAY_MS 100  /* so that one burst is answered once */
#define WARM_RETRY_MS 2000 /* after a failure, doubled each time */
#define HEARTBEAT_MS                                                                               \
	15000 /* middleboxes forget silent connections after some 30 s (protocol notes 5.2) */
#define HEARTBEAT_ANSWER_MS 5000

static _Atomic uint32_t *own_idle(struct client *c)
{
	return &c->o.shared->idle[c->o.w->id];
}

static uint32_t idle_everywhere(struct client *c)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < c->o.w->program->n_workers; i++)
		n += atomic_load_explicit(&c->o.shared->idle[i], memory_order_relaxed);
	return n;
}

static uint32_t heartbeat_ms(const struct client *c)
{
	return c->o.config->idle_check_ms < HEARTBEAT_MS ? c->o.config->idle_check_ms
							 : HEARTBEAT_MS;
}

/* An idle session that has to last is asked from time to time whether it is still there. */
static void heartbeat(struct timer *t)
{
	struct client_session *cs = container_of(t, struct client_session, timer);
	struct loop *loop = cs->l.w->loop;
	uint32_t answer_ms = HEARTBEAT_ANSWER_MS;

	if (cs->asked && cs->l.bytes_in == cs->asked_at) {
		client_session_end(cs, -ETIMEDOUT, "no answer to a heartbeat");
		return;
	}
	cs->asked = !cs->asked && cs->l.core.v2;
	if (!cs->asked) {
		loop_arm(loop, t, heartbeat_ms(cs->c), heartbeat);
		return;
	}
	cs->asked_at = cs->l.bytes_in;
	link_control(&cs->l, FRAME_HEART_REQUEST, 0, NULL, 0);
	loop_arm(loop, t, answer_ms, heartbeat);
}

void client_pool_put(struct client_session *cs)
{
	struct client *c = cs->c;
	struct loop *loop = c->o.w->loop;

	pool_put(&c->pool, &cs->entry, loop_now_ms(loop));
	atomic_fetch_add_explicit(own_idle(c), 1, memory_order_relaxed);
	cs->asked = false;
	cs->rested = true;
	if (c->o.config->min_idle > 0)
		loop_arm(loop, &cs->timer, heartbeat_ms(c), heartbeat);
}

static void taken(struct client_session *cs)
{
	atomic_fetch_sub_explicit(own_idle(cs->c), 1, memory_order_relaxed);
	loop_disarm(cs->c->o.w->loop, &cs->timer);
}

struct client_session *client_pool_take(struct client *c)
{
	struct pool_entry *e = pool_take(&c->pool);
	struct client_session *cs;

	if (!e)
		return NULL;
	cs = container_of(e, struct client_session, entry);
	taken(cs);
	return cs;
}

void client_pool_remove(struct client_session *cs)
{
	uint32_t before = cs->c->pool.n_idle;

	pool_remove(&cs->c->pool, &cs->entry);
	if (cs->c->pool.n_idle < before)
		taken(cs);
}

void client_pool_part(struct client *c)
{
	struct pool_entry *e = pool_oldest(&c->pool);
	struct client_session *cs = e ? container_of(e, struct client_session, entry) : NULL;

	if (!cs || !list_empty(&cs->l.streams) || idle_everywhere(c) <= c->o.config->min_idle)
		return;
	client_pool_remove(cs);
	client_session_end(cs, 0, "one less is needed");
}

static void warm(struct timer *t)
{
	struct client *c = container_of(t, struct client, warm);
	struct outbound_shared *s = c->o.shared;
	uint32_t all = idle_everywhere(c), min = c->o.config->min_idle;

	uint64_t now = loop_now_ms(c->o.w->loop);

	if (!atomic_load(&s->used) || c->o.w->draining || atomic_load(&s->retry_at_ms) > now ||
	    atomic_load(&s->warm_retry_at_ms) > now)
		return;
	/* the minimum is for all workers together; whoever finds it lacking fills it up */
	if (atomic_load(&s->warm_failures) > 0 && min > all + 1)
		min = all + 1; /* one at a time while it does not work */
	for (uint32_t i = all; i < min && limit_take(&s->n_opening, min - all); i++)
		client_dial(c, NULL);
}

void client_pool_warm(struct client *c)
{
	if (!c->o.w->draining && c->o.config->min_idle > 0 && !c->o.config->disable_reuse &&
	    !c->warm.slot)
		loop_arm(c->o.w->loop, &c->warm, WARM_DELAY_MS, warm);
}

void client_pool_warmed(struct client *c, bool ready)
{
	struct outbound_shared *s = c->o.shared;
	uint32_t n;

	limit_give(&s->n_opening);
	if (ready) {
		atomic_store(&s->warm_failures, 0);
		return;
	}
	n = atomic_fetch_add(&s->warm_failures, 1);
	atomic_store(&s->warm_retry_at_ms,
		     loop_now_ms(c->o.w->loop) + (WARM_RETRY_MS << (n < 5 ? n : 5)));
}

static void expire(struct pool_entry *e)
{
	struct client_session *cs = container_of(e, struct client_session, entry);

	if (list_empty(&cs->l.streams)) {
		taken(cs);
		client_session_end(cs, 0, "idle");
	} else { /* one still waits for its FIN: the next check will do */
		pool_put(&cs->c->pool, e, loop_now_ms(cs->l.w->loop));
	}
}

static void sweep(struct timer *t)
{
	struct client *c = container_of(t, struct client, sweep);
	const struct config_outbound *cfg = c->o.config;

	pool_sweep(&c->pool, loop_now_ms(c->o.w->loop), cfg->idle_timeout_ms, cfg->min_idle,
		   idle_everywhere(c) - c->pool.n_idle, expire);
	client_pool_warm(c);
	loop_arm(c->o.w->loop, t, cfg->idle_check_ms, sweep);
}

void client_pool_start(struct client *c)
{
	loop_arm(c->o.w->loop, &c->sweep, c->o.config->idle_check_ms, sweep);
}

void client_pool_stop(struct client *c)
{
	loop_disarm(c->o.w->loop, &c->sweep);
	loop_disarm(c->o.w->loop, &c->warm);
}
