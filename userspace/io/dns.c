// SPDX-License-Identifier: GPL-2.0-or-later
// One name asked for in both families: hosts file, then A and AAAA, then the merge.
#include "io/dns.h"

#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/dns_channel.h"
#include "io/prefer.h"

/*
 * How long the family that is known waits for the other one. IPv4 waits as RFC 8305 section 3 says;
 * IPv6 alone leaves no way round a broken route, so it waits longer.
 */
#define WAIT_FOR_IPV6_MS 50
#define WAIT_FOR_IPV4_MS 300

struct dns {
	struct loop *loop;
	struct dns_channel *channel;
	ares_channel hosts; /* looks into the hosts file alone and so answers at once */
	struct list lookups;
};

enum { IP4, IP6, FAMILIES };

struct family {
	struct lookup *lookup;
	bool done;
	int status; /* of c-ares, once done */
	uint32_t ttl_s;
	unsigned n;
	union sockaddr_any addrs[DNS_FAMILY_MAX];
};

struct lookup {
	struct dns *dns;
	struct dns_question *question;
	struct list link;
	struct timer late;
	struct deferred dead;
	struct family family[FAMILIES];
};

static unsigned copy_nodes(const struct ares_addrinfo *ai, union sockaddr_any *out, unsigned max,
			   uint32_t *ret_ttl_s)
{
	uint32_t ttl = UINT32_MAX;
	unsigned n = 0;

	for (const struct ares_addrinfo_node *node = ai->nodes; node && n < max;
	     node = node->ai_next) {
		if (node->ai_addrlen > sizeof(out[n]))
			continue;
		out[n] = (union sockaddr_any){ 0 };
		memcpy(&out[n++], node->ai_addr, node->ai_addrlen);
		if (node->ai_ttl >= 0 && (uint32_t)node->ai_ttl < ttl)
			ttl = (uint32_t)node->ai_ttl;
	}
	*ret_ttl_s = ttl;
	return n;
}

static bool is_absence(int status)
{
	return status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND ||
	       status == ARES_EBADNAME || status == ARES_EBADSTR;
}

/* The error of a name for which neither family has an address. */
static int merged_error(int a, int b)
{
	if (is_absence(a) && is_absence(b))
		return -ENOENT;
	if (a == ARES_ENOMEM || b == ARES_ENOMEM)
		return -ENOMEM;
	if (a == ARES_ETIMEOUT || b == ARES_ETIMEOUT)
		return -ETIMEDOUT;
	return -EIO;
}

static void append(struct dns_answer *answer, const struct family *f)
{
	for (unsigned i = 0; i < f->n; i++)
		answer->addrs[answer->n++] = f->addrs[i];
	if (f->n && f->ttl_s < answer->ttl_s)
		answer->ttl_s = f->ttl_s;
}

static void merge(const struct lookup *lk, struct dns_answer *ret)
{
	const struct family *ip4 = &lk->family[IP4], *ip6 = &lk->family[IP6];
	bool ip6_first = ip4->n == 0 || (ip6->n > 0 && prefer_ipv6(&ip6->addrs[0]));

	*ret = (struct dns_answer){ .ttl_s = UINT32_MAX, .final = ip4->done && ip6->done };
	append(ret, ip6_first ? ip6 : ip4);
	append(ret, ip6_first ? ip4 : ip6);
	ret->one_family =
		(ip4->done && !is_absence(ip4->status)) || (ip6->done && !is_absence(ip6->status));
	if (ret->n == 0)
		ret->err = merged_error(ip4->status, ip6->status);
}

static void release(struct deferred *d)
{
	free(container_of(d, struct lookup, dead));
}

static void lookup_end(struct lookup *lk)
{
	list_remove(&lk->link);
	loop_disarm(lk->dns->loop, &lk->late);
	loop_defer(lk->dns->loop, &lk->dead, release);
}

static void waited_enough(struct timer *t)
{
	struct lookup *lk = container_of(t, struct lookup, late);
	struct dns_answer answer;

	merge(lk, &answer);
	lk->question->answered(lk->question, &answer);
}

static void family_done(struct lookup *lk, struct family *f)
{
	struct dns_answer answer;

	if (lk->family[IP4].done && lk->family[IP6].done) {
		merge(lk, &answer);
		lookup_end(lk);
		lk->question->answered(lk->question, &answer);
	} else if (f->n > 0) {
		/* without memory for the timer the other family is waited for to the end */
		(void)loop_arm(lk->dns->loop, &lk->late,
			       f == &lk->family[IP4] ? WAIT_FOR_IPV6_MS : WAIT_FOR_IPV4_MS,
			       waited_enough);
	}
}

static void family_answered(void *arg, int status, int timeouts, struct ares_addrinfo *ai)
{
	struct family *f = arg;

	(void)timeouts;
	f->done = true;
	f->status = status;
	if (status == ARES_SUCCESS && ai)
		f->n = copy_nodes(ai, f->addrs, DNS_FAMILY_MAX, &f->ttl_s);
	ares_freeaddrinfo(ai);
	if (status != ARES_EDESTRUCTION)
		family_done(f->lookup, f);
}

static void hosts_answered(void *arg, int status, int timeouts, struct ares_addrinfo *ai)
{
	struct dns_answer *answer = arg;

	(void)timeouts;
	if (status == ARES_SUCCESS && ai)
		answer->n = copy_nodes(ai, answer->addrs, 2 * DNS_FAMILY_MAX, &answer->ttl_s);
	ares_freeaddrinfo(ai);
}

static bool ask_hosts_file(struct dns *d, struct dns_question *q, const char *name)
{
	const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC };
	struct dns_answer answer = { .final = true, .from_hosts = true };

	ares_getaddrinfo(d->hosts, name, NULL, &hints, hosts_answered, &answer);
	if (answer.n > 0)
		q->answered(q, &answer);
	return answer.n > 0;
}

static void ask_family(struct lookup *lk, int which, const char *name)
{
	const struct ares_addrinfo_hints hints = { .ai_family = which == IP4 ? AF_INET : AF_INET6 };

	ares_getaddrinfo(dns_channel_ares(lk->dns->channel), name, NULL, &hints, family_answered,
			 &lk->family[which]);
}

int dns_ask(struct dns *d, struct dns_question *q, const char *name)
{
	struct lookup *lk;

	if (ask_hosts_file(d, q, name))
		return 0;
	lk = calloc(1, sizeof(*lk));
	if (!lk)
		return -ENOMEM;
	lk->dns = d;
	lk->question = q;
	lk->family[IP4].lookup = lk->family[IP6].lookup = lk;
	list_push_back(&d->lookups, &lk->link);
	/* lk lives to the end of the turn, even where both fail on the spot */
	ask_family(lk, IP4, name);
	ask_family(lk, IP6, name);
	dns_channel_sent(d->channel);
	return 0;
}

struct dns *dns_new(struct loop *l, const char *servers, uint32_t timeout_ms, uint32_t mark)
{
	struct ares_options options = { .lookups = (char[]){ "f" }, .flags = ARES_FLAG_NOALIASES };
	struct dns *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->loop = l;
	list_init(&d->lookups);
	d->channel = dns_channel_new(l, servers, timeout_ms, mark);
	if (!d->channel || ares_init_options(&d->hosts, &options,
					     ARES_OPT_LOOKUPS | ARES_OPT_FLAGS) != ARES_SUCCESS) {
		dns_channel_free(d->channel);
		free(d);
		return NULL;
	}
	return d;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	dns_channel_free(d->channel);
	ares_destroy(d->hosts);
	while (!list_empty(&d->lookups))
		lookup_end(container_of(d->lookups.next, struct lookup, link));
	free(d);
}
