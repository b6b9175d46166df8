// SPDX-License-Identifier: GPL-2.0-or-later
// Clients' addresses, and whether one of them has so much that the others have to share the rest.
#include <stdlib.h>
#include <string.h>

#include "app/transparent_udp.h"

/* What all ports of one address have. */
struct udp_source {
	struct udp_key key; /* `from` alone */
	UT_hash_handle hh;
	uint32_t n_flows, n_sessions, n_associations;
};

static struct udp_key key_of(const union sockaddr_any *client)
{
	struct udp_key k = udp_key_association(client, 0);

	k.from_port = 0;
	return k;
}

static struct udp_source *find(const struct transparent_udp *u, const struct udp_key *key)
{
	struct udp_source *s;

	HASH_FIND(hh, u->sources, key, sizeof(*key), s);
	return s;
}

bool udp_source_join(struct udp_association *a)
{
	struct transparent_udp *u = a->u;
	struct udp_key key = key_of(&a->client);
	struct udp_source *s = find(u, &key);

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return false;
		s->key = key;
		HASH_ADD(hh, u->sources, key, sizeof(s->key), s);
	}
	s->n_associations++;
	s->n_sessions += a->counted;
	if (!u->most_sessions || s->n_sessions > u->most_sessions->n_sessions)
		u->most_sessions = s;
	a->source = s;
	return true;
}

void udp_source_leave(struct udp_association *a)
{
	struct transparent_udp *u = a->u;
	struct udp_source *s = a->source;

	s->n_sessions -= a->counted;
	if (--s->n_associations > 0)
		return;
	if (u->most_sessions == s)
		u->most_sessions = NULL;
	if (u->most_flows == s)
		u->most_flows = NULL;
	HASH_DELETE(hh, u->sources, s);
	free(s);
}

void udp_source_add_flow(struct udp_association *a)
{
	struct transparent_udp *u = a->u;

	a->source->n_flows++;
	if (!u->most_flows || a->source->n_flows > u->most_flows->n_flows)
		u->most_flows = a->source;
}

void udp_source_drop_flow(struct udp_association *a)
{
	a->source->n_flows--;
}

/* More than half of what there is in this worker, and more than a quarter of its part of the limit:
 * else it is nobody's fault that there is no place. */
static bool is_greedy(const struct transparent_udp *u, uint64_t has, uint64_t all, uint64_t limit)
{
	return has * 2 > all && has * 4 * u->w->program->n_workers > limit;
}

const struct udp_source *udp_greedy_of_flows(const struct transparent_udp *u)
{
	const struct udp_source *s = u->most_flows;

	return s && is_greedy(u, s->n_flows, HASH_COUNT(u->flows), udp_flows_limit(u)) ? s : NULL;
}

const struct udp_source *udp_greedy_of_sessions(const struct transparent_udp *u)
{
	const struct udp_source *s = u->most_sessions;
	uint32_t all = atomic_load_explicit(&u->n_sessions, memory_order_relaxed);

	return s && is_greedy(u, s->n_sessions, all, u->w->config->limits.udp_sessions) ? s : NULL;
}

bool udp_source_is(const struct udp_source *s, const union sockaddr_any *client)
{
	struct udp_key key = key_of(client);

	return memcmp(&s->key, &key, sizeof(key)) == 0;
}

bool udp_source_goes_first(const struct transparent_udp *u, const union sockaddr_any *client)
{
	const struct udp_source *flows = udp_greedy_of_flows(u), *sessions;

	if (flows && udp_source_is(flows, client))
		return false;
	sessions = udp_greedy_of_sessions(u);
	return (flows || sessions) && !(sessions && udp_source_is(sessions, client));
}
