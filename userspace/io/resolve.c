// SPDX-License-Identifier: GPL-2.0-or-later
// Which question needs a query, which has an answer already, and how long each answer lasts.
#include "io/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/resolve_entry.h"

#define TIMEOUT_MS     2000
#define MAX_PENDING    1024
#define CACHE_MAX      4096
#define POSITIVE_MIN_S 1
#define POSITIVE_MAX_S 3600
#define SHORT_LIVED_S  10 /* negative, from the hosts file, or lacking a family that failed */

static const int refusal_err[REFUSALS] = { -ENOMEM, -EBUSY, -ENOENT };

_Static_assert(2 * DNS_FAMILY_MAX == RESOLVE_MAX, "one answer holds both families");

static uint64_t lifetime_s(const struct dns_answer *a)
{
	uint64_t ttl = a->ttl_s < POSITIVE_MIN_S   ? POSITIVE_MIN_S
		       : a->ttl_s > POSITIVE_MAX_S ? POSITIVE_MAX_S
						   : a->ttl_s;

	if (a->err)
		return a->err == -ENOENT ? SHORT_LIVED_S : 0;
	if (a->from_hosts)
		return SHORT_LIVED_S;
	return a->one_family && ttl > SHORT_LIVED_S ? SHORT_LIVED_S : ttl;
}

static void dns_answered(struct dns_question *q, const struct dns_answer *answer)
{
	struct resolve_query *e = container_of(q, struct resolve_query, question);
	struct resolver *r = e->resolver;

	entry_set_answer(e, answer->err, answer->addrs, answer->n);
	if (answer->final) {
		e->pending = false;
		r->n_pending--;
		e->expires_ms =
			e->err == -ENOMEM ? 0 : loop_now_ms(r->loop) + lifetime_s(answer) * 1000;
	}
	/* never from within c-ares; without anybody waiting it puts the entry into the cache */
	entry_deliver_soon(e);
}

/* What cannot be asked is answered by its error. */
static void ask(struct resolve_query *e)
{
	struct resolver *r = e->resolver;
	int err;

	e->question.answered = dns_answered;
	e->known = false;
	e->pending = true;
	r->n_pending++;
	err = dns_ask(r->dns, &e->question, e->name);
	if (err < 0)
		dns_answered(&e->question, &(struct dns_answer){ .err = err, .final = true });
}

static bool is_fresh(const struct resolve_query *e)
{
	return e->pending || e->deliver.queued || e->expires_ms > loop_now_ms(e->resolver->loop);
}

static void wait_or_refuse(struct resolver *r, struct resolve_query *e, struct resolve *q)
{
	entry_wait(e ? e : &r->refusals[NO_MEMORY], q);
}

static void ask_by_name(struct resolver *r, struct resolve *q, const char *name, size_t len)
{
	struct resolve_query *e = entry_find(r, name, len);
	bool fresh = e && is_fresh(e);

	if (!fresh && r->n_pending >= r->max_pending) {
		entry_wait(&r->refusals[TOO_MANY], q);
		return;
	}
	if (!e)
		e = entry_add(r, name, len);
	if (e)
		entry_use(e);
	if (e && !fresh)
		ask(e);
	wait_or_refuse(r, e, q);
}

static bool is_literal(const char *name, union sockaddr_any *ret)
{
	uint8_t ip[16];

	if (inet_pton(AF_INET, name, ip) == 1)
		sockaddr_set(ret, ip, 4, 0);
	else if (inet_pton(AF_INET6, name, ip) == 1)
		sockaddr_set(ret, ip, 16, 0);
	else
		return false;
	return true;
}

void resolve_start(struct resolver *r, struct resolve *q, const char *name, uint16_t port)
{
	size_t len = strlen(name);
	union sockaddr_any addr;

	q->port = port;
	if (len == 0 || len > RESOLVE_NAME_MAX)
		entry_wait(&r->refusals[NO_SUCH_NAME], q);
	else if (is_literal(name, &addr))
		wait_or_refuse(r, entry_add_literal(r, &addr), q);
	else
		ask_by_name(r, q, name, len);
}

void resolve_cancel(struct resolve *q)
{
	if (!q->query)
		return;
	list_remove(&q->link);
	q->query = NULL;
}

struct resolver *resolver_new(struct loop *l, const struct resolve_opts *opts)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->loop = l;
	r->max_pending = opts->max_pending ? opts->max_pending : MAX_PENDING;
	r->cache_max = opts->cache_max ? opts->cache_max : CACHE_MAX;
	list_init(&r->lru);
	list_init(&r->literals);
	for (int i = 0; i < REFUSALS; i++) {
		entry_init(&r->refusals[i], r);
		r->refusals[i].known = true;
		r->refusals[i].err = refusal_err[i];
	}
	r->dns = dns_new(l, opts->servers, opts->timeout_ms ? opts->timeout_ms : TIMEOUT_MS,
			 opts->mark);
	if (!r->dns) {
		free(r);
		return NULL;
	}
	return r;
}

static void release_resolver(struct deferred *d)
{
	free(container_of(d, struct resolver, dead));
}

void resolver_free(struct resolver *r)
{
	struct resolve_query *e, *next;

	if (!r)
		return;
	dns_free(r->dns);
	r->dns = NULL; /* a delivery that is under way ends here */
	HASH_ITER (hh, r->names, e, next)
		entry_free(e);
	while (!list_empty(&r->literals))
		entry_free(container_of(r->literals.next, struct resolve_query, lru));
	for (int i = 0; i < REFUSALS; i++)
		entry_end(&r->refusals[i]);
	loop_defer(r->loop, &r->dead, release_resolver);
}
