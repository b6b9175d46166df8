// SPDX-License-Identifier: GPL-2.0-or-later
// One worker's captured datagrams: the listener, and which worker and flow each belongs to.
#include "app/addr_forms.h"
#include "app/transparent_udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/dns_hijack.h"
#include "base/log.h"

#define HANDED_MAX 1024 /* on their way to one worker */

void udp_drop(struct transparent_udp *u)
{
	count(&u->w->counters.udp_dropped, 1);
}

static int associate(struct transparent_udp *u, struct flow *f, struct udp_association **ret)
{
	struct udp_association *a;
	const char *why;

	if (transparent_loops(u->t, &f->src, &f->dst, &why)) {
		if (log_allowed(&u->refused, 5))
			log_warn(u->t->in.config->tag, "UDP: %s", why);
		return -ELOOP;
	}
	if (!flow_route(f))
		return -EACCES;
	a = udp_association_find(u, &f->src, f->outbound);
	if (!a)
		return udp_association_new(u, f, ret);
	*ret = a;
	return 0;
}

/* With a place for a flow. */
static int open_flow(struct transparent_udp *u, const struct datagram *d, struct udp_flow **ret)
{
	struct flow f = { .w = u->w,
			  .inbound = u->t->in.index,
			  .network = IPPROTO_UDP,
			  .user = "",
			  .tag = u->t->in.config->tag,
			  .src = d->from };
	struct udp_association *a = NULL;
	int err;

	addr_from_sockaddr(&d->to, &f.dst);
	err = associate(u, &f, &a);
	if (err < 0) {
		limit_give(&u->w->program->n_udp_flows);
		return err;
	}
	*ret = udp_flow_new(a, &d->to, false);
	if (*ret)
		return 0;
	if (list_empty(&a->flows))
		udp_association_end(a);
	return -ECONNREFUSED;
}

int udp_begin(struct transparent_udp *u, const struct datagram *d)
{
	struct udp_flow *f = udp_flow_find(u, &d->from, &d->to);
	int err = 0;

	/* the place comes before the association, which the end of its only flow would end */
	if (!f)
		err = udp_flow_place(u, &d->from) ? open_flow(u, d, &f) : -EAGAIN;
	if (err == 0)
		udp_flow_up(f, d);
	else if (err != -EAGAIN)
		udp_drop(u);
	return err;
}

/* Behind those that wait already. */
static bool must_wait(struct transparent_udp *u, const struct datagram *d)
{
	return !list_empty(&u->queue) && !udp_flow_find(u, &d->from, &d->to) &&
	       !udp_source_goes_first(u, &d->from);
}

void udp_captured(struct transparent_udp *u, const struct datagram *d)
{
	if (d->cut || d->to.sa.sa_family != d->from.sa.sa_family || sockaddr_port(&d->from) == 0 ||
	    sockaddr_port(&d->to) == 0)
		udp_drop(u);
	else if (u->dns && sockaddr_port(&d->to) == PORT_DNS)
		dns_hijack_ask(u->dns, d);
	else if (must_wait(u, d) || udp_begin(u, d) == -EAGAIN)
		udp_queue_add(u, d);
}

/* A datagram on its way to the worker that has its client. */
struct handed {
	struct mail mail;
	unsigned inbound;
	union sockaddr_any from, to;
	size_t n;
	uint8_t data[];
};

static struct transparent_udp *instance(struct worker *w, unsigned inbound)
{
	return container_of(w->inbounds[inbound], struct transparent, in)->udp;
}

static void receive_handed(struct mail *m, void *owner)
{
	struct handed *h = container_of(m, struct handed, mail);
	struct worker *w = owner;
	struct transparent_udp *u = instance(w, h->inbound);
	struct datagram d = { .from = h->from, .to = h->to, .data = h->data, .n = h->n };

	limit_give(&u->n_handed);
	if (u->watch.ready && !w->draining)
		udp_captured(u, &d);
	else
		udp_drop(u);
	free(h);
}

static void hand_over(struct transparent_udp *u, struct worker *to, const struct datagram *d)
{
	struct transparent_udp *theirs = instance(to, u->t->in.index);
	struct handed *h = NULL;

	if (theirs && limit_take(&theirs->n_handed, HANDED_MAX)) {
		h = malloc(sizeof(*h) + d->n);
		if (!h)
			limit_give(&theirs->n_handed);
	}
	if (!h) {
		udp_drop(u);
		return;
	}
	*h = (struct handed){ .mail.receive = receive_handed,
			      .inbound = u->t->in.index,
			      .from = d->from,
			      .to = d->to,
			      .n = d->n };
	memcpy(h->data, d->data, d->n);
	mailbox_send(to->mailbox, &h->mail);
}

static struct worker *worker_of(struct transparent_udp *u, const union sockaddr_any *client)
{
	struct program *p = u->w->program;
	size_t n;
	const uint8_t *ip = sockaddr_ip(client, &n);

	return &p->workers[steer_worker(ip, n, sockaddr_port(client), p->n_workers)];
}

void udp_arrived(struct transparent_udp *u, const struct datagram *d)
{
	struct worker *to = worker_of(u, &d->from);

	if (to == u->w)
		udp_captured(u, d);
	else
		hand_over(u, to, d);
}

static void ready(struct watcher *w, uint32_t events)
{
	struct transparent_udp *u = container_of(w, struct transparent_udp, watch);
	struct datagram d[DATAGRAMS_MAX];
	int n = datagrams_read(u->batch, w->fd, true, d);

	(void)events;
	for (int i = 0; i < n; i++)
		udp_arrived(u, &d[i]);
}

struct transparent_udp *transparent_udp_new(struct transparent *t, int fd)
{
	struct transparent_udp *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->t = t;
	u->w = t->in.w;
	u->watch = (struct watcher){ .fd = fd, .ready = ready };
	udp_ages_init(u);
	udp_as_init(u);
	udp_queue_init(u);
	u->batch = datagrams_new();
	if (t->in.config->transparent.hijack_dns.type != ADDR_NONE)
		u->dns = dns_hijack_new(u);
	if (u->batch && udp_run_init(u) &&
	    (u->dns || t->in.config->transparent.hijack_dns.type == ADDR_NONE) &&
	    loop_watch_level(u->w->loop, &u->watch, EPOLLIN) == 0)
		return u;
	dns_hijack_free(u->dns);
	datagrams_free(u->batch);
	udp_run_done(u);
	free(u);
	return NULL;
}

void transparent_udp_drain(struct transparent_udp *u)
{
	if (u->watch.ready)
		loop_close(u->w->loop, &u->watch);
}

void transparent_udp_free(struct transparent_udp *u)
{
	struct udp_association *a, *next;

	if (!u)
		return;
	transparent_udp_drain(u);
	udp_queue_done(u);
	HASH_ITER (hh, u->associations, a, next) {
		udp_association_end(a);
	}
	dns_hijack_free(u->dns);
	udp_as_done(u);
	udp_run_done(u);
	loop_disarm(u->w->loop, &u->sweep);
	datagrams_free(u->batch);
	free(u);
}
