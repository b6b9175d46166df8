// SPDX-License-Identifier: GPL-2.0-or-later
// An association: one client's port behind one outbound, whatever it sends to.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/addr_forms.h"
#include "app/transparent_udp.h"
#include "base/log.h"

#define UNINVITED_MAX 32 /* flows of one association; for one more the oldest goes */

static void release(struct deferred *d)
{
	free(container_of(d, struct udp_association, dead));
}

static uint32_t index_of(const struct transparent_udp *u, const struct outbound *o)
{
	return (uint32_t)(o->config - u->w->config->outbounds);
}

struct udp_association *udp_association_find(struct transparent_udp *u,
					     const union sockaddr_any *client,
					     const struct outbound *o)
{
	struct udp_key key = udp_key_association(client, index_of(u, o));
	struct udp_association *a;

	HASH_FIND(hh, u->associations, &key, sizeof(key), a);
	return a;
}

void udp_association_end(struct udp_association *a)
{
	struct transparent_udp *u = a->u;

	if (a->ended)
		return;
	a->ended = true;
	HASH_DELETE(hh, u->associations, a);
	packets_close_peer(&a->p);
	while (!list_empty(&a->flows))
		udp_flow_end(container_of(a->flows.next, struct udp_flow, in_association));
	list_remove(&a->in_use);
	udp_source_leave(a);
	if (a->counted)
		udp_session_give(u);
	loop_defer(u->w->loop, &a->dead, release);
}

void udp_association_used(struct udp_association *a, bool answer)
{
	struct transparent_udp *u = a->u;
	uint64_t now = loop_now_ms(u->w->loop);

	if (!a->counted || a->ended || (a->used_ms == now && a->answered == answer))
		return;
	a->used_ms = now;
	a->answered = answer;
	list_remove(&a->in_use);
	list_push_back(answer ? &u->answered : &u->waiting, &a->in_use);
	if (answer)
		udp_queue_wake(u);
}

/* Whether the client may send there: it could, once it has an answer from there. */
static bool may_be_sent_to(const struct udp_association *a, const union sockaddr_any *to)
{
	struct flow f = { .w = a->u->w,
			  .inbound = a->u->t->in.index,
			  .network = IPPROTO_UDP,
			  .user = "",
			  .tag = a->tag,
			  .src = a->client };

	addr_from_sockaddr(to, &f.dst);
	return flow_route(&f);
}

/* Whether an answer may seem to come from there. The machine's own addresses are refused when the
 * socket is bound. */
static bool may_answer(const struct udp_association *a, const union sockaddr_any *from)
{
	size_t n;
	const uint8_t *ip = sockaddr_ip(from, &n);

	return from->sa.sa_family == a->client.sa.sa_family && sockaddr_port(from) != 0 &&
	       !prefix_list_has(&a->u->t->in.config->transparent.plan.bypass, ip, n) &&
	       may_be_sent_to(a, from);
}

/* Nobody else's flow shall go for the many that anybody may send. */
static bool place_for_uninvited(struct udp_association *a)
{
	if (a->n_uninvited == UNINVITED_MAX)
		udp_flow_end(container_of(a->uninvited.next, struct udp_flow, in_uninvited));
	return udp_flow_place(a->u, &a->client);
}

static struct udp_flow *open_uninvited(struct udp_association *a, const union sockaddr_any *from)
{
	if (!may_answer(a, from) || !place_for_uninvited(a))
		return NULL;
	return udp_flow_new(a, from, true);
}

/* Most clients have but one peer a port. */
static struct udp_flow *flow_of(struct udp_association *a, const union sockaddr_any *from)
{
	if (a->recent && udp_same(&a->recent->dst, from))
		return a->recent;
	return udp_flow_find(a->u, &a->client, from);
}

static void answered(struct packets *p, const struct addr *from, const uint8_t *data, size_t n)
{
	struct udp_association *a = container_of(p, struct udp_association, p);
	union sockaddr_any sa;
	struct udp_flow *f = NULL;

	if (addr_to_sockaddr(from, &sa)) {
		f = flow_of(a, &sa);
		if (!f)
			f = open_uninvited(a, &sa);
	}
	if (f)
		udp_flow_down(f, data, n);
	else
		udp_drop(a->u);
}

static void far_closed(struct packets *p)
{
	udp_association_end(container_of(p, struct udp_association, p));
}

static const struct packets_ops association_ops = { .send = answered, .close = far_closed };

static void remember(struct udp_association *a)
{
	a->key = udp_key_association(&a->client, index_of(a->u, a->o));
	HASH_ADD(hh, a->u->associations, key, sizeof(a->key), a);
}

static void name(struct udp_association *a, const struct flow *f)
{
	char client[SOCKADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];

	snprintf(a->tag, sizeof(a->tag), "u%u",
		 atomic_fetch_add_explicit(&a->u->w->program->next_tag, 1, memory_order_relaxed) +
			 1);
	if (log_max >= LOG_LEVEL_DEBUG)
		log_debug(a->tag, "%s sends to %s first", sockaddr_text(&a->client, client),
			  addr_text(&f->dst, dst));
}

static struct packets *make_far(struct udp_association *a, struct flow *f)
{
	struct outbound *o = f->outbound;
	uint32_t timeout_ms = a->u->t->in.config->udp_timeout_ms;
	struct packets *far;

	f->tag = a->tag;
	far = o->ops->packets(o, f, false, timeout_ms);
	/* each has a socket of its own: no descriptors are left, so a flow of ours may go */
	if (!far && o->config->type == OUTBOUND_DIRECT && udp_evict_flow(a->u, &a->client))
		far = o->ops->packets(o, f, false, timeout_ms);
	return far;
}

static struct udp_association *make(struct transparent_udp *u, struct flow *f, bool counted)
{
	struct udp_association *a = calloc(1, sizeof(*a));
	struct packets *far;

	if (!a)
		return NULL;
	*a = (struct udp_association){ .p.ops = &association_ops,
				       .u = u,
				       .o = f->outbound,
				       .client = f->src,
				       .counted = counted };
	list_init(&a->flows);
	list_init(&a->uninvited);
	list_init(&a->in_use);
	name(a, f);
	far = udp_source_join(a) ? make_far(a, f) : NULL;
	if (!far) {
		if (a->source)
			udp_source_leave(a);
		free(a);
		return NULL;
	}
	packets_join(&a->p, far);
	return a;
}

int udp_association_new(struct transparent_udp *u, struct flow *f, struct udp_association **ret)
{
	bool counted = f->outbound->config->type == OUTBOUND_ANYTLS;
	struct udp_association *a;

	if (counted && !udp_session_place(u, &f->src))
		return -EAGAIN;
	a = make(u, f, counted);
	if (!a) {
		if (counted)
			udp_session_give(u);
		return -ECONNREFUSED;
	}
	remember(a);
	udp_association_used(a, false);
	*ret = a;
	return 0;
}
