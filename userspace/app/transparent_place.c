// SPDX-License-Identifier: GPL-2.0-or-later
// Places for captured flows and for the tunnel sessions behind them, which all workers share.
#include "app/transparent_udp.h"

uint32_t udp_flows_limit(const struct transparent_udp *u)
{
	uint32_t limit = u->w->config->limits.udp_flows, most = u->w->program->most_udp_flows;

	return most && most < limit ? most : limit;
}

bool udp_flow_place(struct transparent_udp *u, const union sockaddr_any *client)
{
	struct program *p = u->w->program;
	uint32_t limit = udp_flows_limit(u);

	if (limit_take(&p->n_udp_flows, limit))
		return true;
	return udp_evict_flow(u, client) && limit_take(&p->n_udp_flows, limit);
}

static struct transparent_udp *of_worker(struct transparent_udp *u, unsigned id)
{
	struct inbound *in = u->w->program->workers[id].inbounds[u->t->in.index];

	return container_of(in, struct transparent, in)->udp;
}

/* The worker that has the most places beside this one; NULL where no other has any. */
static struct transparent_udp *richest(struct transparent_udp *u)
{
	struct transparent_udp *best = NULL;
	uint32_t most = 0;

	for (unsigned i = 0; i < u->w->program->n_workers; i++) {
		struct transparent_udp *it = of_worker(u, i);
		uint32_t n = it ? atomic_load_explicit(&it->n_sessions, memory_order_relaxed) : 0;

		if (it == u || n <= most)
			continue;
		most = n;
		best = it;
	}
	return best;
}

static void asked(struct mail *m, void *owner)
{
	struct transparent_udp *u = container_of(m, struct transparent_udp, ask);

	(void)owner;
	atomic_store_explicit(&u->asked, false, memory_order_release);
	udp_evict_association(u, NULL);
}

/* A worker without places of its own could wait for ever while others keep theirs. */
static void ask_for_place(struct transparent_udp *u)
{
	struct transparent_udp *it = richest(u);

	if (!it || atomic_exchange_explicit(&it->asked, true, memory_order_acquire))
		return;
	it->ask.receive = asked;
	mailbox_send(it->w->mailbox, &it->ask);
}

bool udp_session_place(struct transparent_udp *u, const union sockaddr_any *client)
{
	struct program *p = u->w->program;
	uint32_t limit = u->w->config->limits.udp_sessions;
	bool taken;

	udp_end_one_over(u);
	taken = limit_take(&p->n_udp_sessions, limit);
	if (!taken && udp_evict_association(u, client))
		taken = limit_take(&p->n_udp_sessions, limit);
	else if (!taken)
		ask_for_place(u);
	if (taken)
		atomic_fetch_add_explicit(&u->n_sessions, 1, memory_order_relaxed);
	return taken;
}

void udp_session_give(struct transparent_udp *u)
{
	atomic_fetch_sub_explicit(&u->n_sessions, 1, memory_order_relaxed);
	limit_give(&u->w->program->n_udp_sessions);
	udp_queue_wake(u);
}
