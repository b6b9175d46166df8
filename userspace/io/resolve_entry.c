// SPDX-License-Identifier: GPL-2.0-or-later
// The life of an entry: made when asked for, told to its waiters, cached, dropped.
#include "io/resolve_entry.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void release_query(struct deferred *d)
{
	struct resolve_query *e = container_of(d, struct resolve_query, dead);

	free(e->addrs);
	free(e);
}

void entry_init(struct resolve_query *e, struct resolver *r)
{
	e->resolver = r;
	list_init(&e->waiters);
	list_init(&e->serving);
	list_init(&e->lru);
}

static struct resolve_query *query_new(struct resolver *r, const char *name, size_t len)
{
	struct resolve_query *e = calloc(1, sizeof(*e) + len + 1);

	if (!e)
		return NULL;
	entry_init(e, r);
	for (size_t i = 0; i < len; i++)
		e->name[i] = (char)tolower((unsigned char)name[i]);
	return e;
}

/* Ends what the query owns, and lets those go who wait for it. */
void entry_end(struct resolve_query *e)
{
	struct list *queues[] = { &e->waiters, &e->serving };

	for (int i = 0; i < 2; i++) {
		while (!list_empty(queues[i]))
			resolve_cancel(container_of(queues[i]->next, struct resolve, link));
	}
	loop_unpost(e->resolver->loop, &e->deliver);
	list_remove(&e->lru);
}

void entry_free(struct resolve_query *e)
{
	struct resolver *r = e->resolver;

	entry_end(e);
	if (e->listed)
		HASH_DEL(r->names, e);
	e->listed = false;
	loop_defer(r->loop, &e->dead, release_query);
}

void entry_use(struct resolve_query *e)
{
	if (e->listed && !list_empty(&e->lru)) {
		list_remove(&e->lru);
		e->resolver->n_cached--;
	}
}

/* Nobody waits for e any more: keep it while it is good, make room for it. */
static void settle(struct resolve_query *e)
{
	struct resolver *r = e->resolver;

	if (e->pending || e->deliver.queued || e->delivering || !list_empty(&e->waiters))
		return;
	entry_use(e);
	if (!e->listed || e->expires_ms <= loop_now_ms(r->loop)) {
		entry_free(e);
		return;
	}
	list_push_front(&r->lru, &e->lru);
	r->n_cached++;
	while (r->n_cached > r->cache_max) {
		struct resolve_query *oldest = container_of(r->lru.prev, struct resolve_query, lru);

		entry_use(oldest);
		entry_free(oldest);
	}
}

static bool is_refusal(const struct resolve_query *e)
{
	return e >= e->resolver->refusals && e < e->resolver->refusals + REFUSALS;
}

/* The answer is copied for each: a callback may renew or free the entry. */
static void tell(struct resolve_query *e, struct resolve *q)
{
	union sockaddr_any addrs[RESOLVE_MAX];
	unsigned n = e->err ? 0 : e->n;

	for (unsigned i = 0; i < n; i++) {
		addrs[i] = e->addrs[i];
		if (addrs[i].sa.sa_family == AF_INET6)
			addrs[i].in6.sin6_port = htons(q->port);
		else
			addrs[i].in.sin_port = htons(q->port);
	}
	resolve_cancel(q);
	q->answered(q, e->err, n ? addrs : NULL, n);
}

static void deliver(struct task *t)
{
	struct resolve_query *e = container_of(t, struct resolve_query, deliver);
	struct resolver *r = e->resolver;

	while (!list_empty(&e->waiters)) {
		struct list *first = e->waiters.next;

		list_remove(first);
		list_push_back(&e->serving, first);
	}
	e->delivering = true;
	while (!list_empty(&e->serving))
		tell(e, container_of(e->serving.next, struct resolve, link));
	e->delivering = false;
	if (r->dns && !is_refusal(e))
		settle(e);
}

void entry_wait(struct resolve_query *e, struct resolve *q)
{
	q->query = e;
	list_push_back(&e->waiters, &q->link);
	if (e->known)
		loop_post(e->resolver->loop, &e->deliver, deliver);
}

void entry_deliver_soon(struct resolve_query *e)
{
	loop_post(e->resolver->loop, &e->deliver, deliver);
}

void entry_set_answer(struct resolve_query *e, int err, const union sockaddr_any *addrs, unsigned n)
{
	union sockaddr_any *copy = n ? malloc(n * sizeof(*copy)) : NULL;

	if (n && !copy)
		err = -ENOMEM;
	else if (n)
		memcpy(copy, addrs, n * sizeof(*copy));
	free(e->addrs);
	e->addrs = copy;
	e->n = copy ? n : 0;
	e->err = err;
	e->known = true;
}

struct resolve_query *entry_find(struct resolver *r, const char *name, size_t len)
{
	struct resolve_query *e;
	char key[RESOLVE_NAME_MAX];

	for (size_t i = 0; i < len; i++)
		key[i] = (char)tolower((unsigned char)name[i]);
	HASH_FIND(hh, r->names, key, len, e);
	return e;
}

struct resolve_query *entry_add(struct resolver *r, const char *name, size_t len)
{
	struct resolve_query *e = query_new(r, name, len);

	if (!e)
		return NULL;
	e->listed = true;
	HASH_ADD_KEYPTR(hh, r->names, e->name, len, e);
	if (!e->listed) {
		free(e);
		return NULL;
	}
	return e;
}

struct resolve_query *entry_add_literal(struct resolver *r, const union sockaddr_any *addr)
{
	struct resolve_query *e = query_new(r, "", 0);

	if (!e)
		return NULL;
	entry_set_answer(e, 0, addr, 1);
	list_push_back(&r->literals, &e->lru);
	return e;
}
