// SPDX-License-Identifier: GPL-2.0-or-later
// Counters are the workers' own; a copy of them is shown, so that counting costs what it did.
#include "app/state_publish.h"

#include "app/state_region.h"
#include "base/clock.h"

void state_publish_open(struct program *p)
{
	char why[2 * PATH_MAX + 200];

	if (!p->config->state.enabled)
		return;
	p->state = state_region_open(p->config, p->n_workers, why, sizeof(why));
	log_info("state", "%s%s", p->state ? "shown in " : "not shown: ", why);
	state_publish(p, false);
}

static void copy_counters(const struct program *p)
{
	for (unsigned i = 0; i < p->n_running; i++) {
		const uint64_t *from = (const uint64_t *)(const void *)&p->workers[i].counters;
		uint64_t *to = (uint64_t *)(void *)&p->state->workers[i];

		for (size_t k = 0; k < sizeof(struct state_counters) / sizeof(*to); k++)
			state_put(&to[k], __atomic_load_n(&from[k], __ATOMIC_RELAXED));
	}
}

static void put32(uint32_t *at, uint32_t n)
{
	__atomic_store_n(at, n, __ATOMIC_RELAXED);
}

void state_publish(const struct program *p, bool draining)
{
	struct state_header *h;

	if (!p->state)
		return;
	h = p->state->header;
	copy_counters(p);
	put32(&h->connections_now, p->n_sessions);
	put32(&h->handshakes_now, p->n_handshakes);
	put32(&h->local_now, p->n_local);
	put32(&h->udp_now, p->n_udp + p->n_udp_sessions);
	put32(&h->busy_now, p->n_busy);
	put32(&h->kernel_tls_off, p->kernel_tls_off);
	put32(&h->draining, draining);
	state_put(&h->beat_ms, clock_now_ms());
}
