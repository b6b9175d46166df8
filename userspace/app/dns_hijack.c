// SPDX-License-Identifier: GPL-2.0-or-later
// Questions to the resolver, and its answers to those who asked somebody else.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/dns_hijack_impl.h"
#include "base/fd.h"

#define IDLE_MS 60000 /* what leads to the resolver is let go then */

static const struct addr *resolver(const struct dns_hijack *h)
{
	return &h->u->t->in.config->transparent.hijack_dns;
}

static int send_alone(struct dns_hijack *h, const struct dns_pending *p, const uint8_t *data,
		      size_t n)
{
	int fd = datagram_answer(&p->asked, &p->client, h->u->w->config->steering.own_mark,
				 DATAGRAM_FROM_ANY);
	int err = fd < 0 ? fd : 0;

	if (fd >= 0 && send(fd, data, n, MSG_DONTWAIT) < 0)
		err = -1;
	fd_close(fd);
	return err;
}

/* In a buffer of ours, with the client's id. */
static void answer(struct dns_hijack *h, const struct dns_pending *p, const uint8_t *data, size_t n)
{
	uint8_t *copy = h->u->w->frame;
	int err;

	memcpy(copy, data, n);
	dns_message_set_id(copy, p->client_id);
	err = udp_answer_as(h->u, &p->asked, &p->client, copy, n);
	if (err == -EPERM)
		err = send_alone(h, p, copy, n);
	if (err < 0)
		udp_drop(h->u);
	else
		count(&h->u->w->counters.udp_answered, 1);
}

static void answered(struct packets *near, const struct addr *from, const uint8_t *data, size_t n)
{
	struct dns_far *far = container_of(near, struct dns_far, p);
	struct dns_hijack *h = far->h;
	struct dns_pending *p = NULL;
	struct dns_message m;

	if (addr_equal(from, resolver(h)) && dns_message_parse(data, n, &m) == 0 && m.response)
		p = dns_pending_find(h, far, &m);
	if (!p) {
		udp_drop(h->u);
		return;
	}
	far->heard_ms = loop_now_ms(h->u->w->loop);
	answer(h, p, data, n);
	dns_pending_done(h, p);
}

/* The next question makes it anew. */
static void far_closed(struct packets *p)
{
	(void)p;
}

void dns_far_end(struct dns_far *far)
{
	packets_close_peer(&far->p);
}

/* It takes none of limits.udp_sessions: there are few, and whoever floods with datagrams shall not
 * leave the others without names. */
static bool open_far(struct dns_hijack *h, struct dns_far *far, const struct flow *f)
{
	uint32_t timeout = h->u->t->in.config->udp_timeout_ms;
	struct packets *p;

	p = f->outbound->ops->packets(f->outbound, f, false, timeout < IDLE_MS ? timeout : IDLE_MS);
	if (!p)
		return false;
	packets_join(&far->p, p);
	far->heard_ms = loop_now_ms(h->u->w->loop);
	return true;
}

/* By the rules for the resolver, for this client. NULL where they, or something else, refuse. */
static struct dns_far *route(struct dns_hijack *h, const struct datagram *d)
{
	struct worker *w = h->u->w;
	struct flow f = { .w = w,
			  .inbound = h->u->t->in.index,
			  .network = IPPROTO_UDP,
			  .user = "",
			  .tag = "dns",
			  .dst = *resolver(h),
			  .src = d->from };
	struct dns_far *far;

	if (!flow_route(&f))
		return NULL;
	far = h->far[f.outbound->config - w->config->outbounds];
	return far->p.peer || open_far(h, far, &f) ? far : NULL;
}

void dns_hijack_ask(struct dns_hijack *h, const struct datagram *d)
{
	struct dns_far *far = NULL;
	struct dns_pending *p = NULL;
	struct dns_message m;

	if (!d->cut && dns_message_parse(d->data, d->n, &m) == 0 && !m.response)
		far = route(h, d);
	if (far)
		p = dns_pending_add(h, far, d, &m);
	if (!p) {
		udp_drop(h->u);
		return;
	}
	count(&h->u->w->counters.udp_captured, 1);
	dns_message_set_id(d->data, p->id);
	far->p.peer->ops->send(far->p.peer, resolver(h), d->data, d->n);
}

static bool make_fars(struct dns_hijack *h)
{
	static const struct packets_ops ops = { .send = answered, .close = far_closed };

	for (size_t i = 0; i < h->u->w->config->n_outbounds; i++) {
		h->far[i] = calloc(1, sizeof(struct dns_far));
		if (!h->far[i])
			return false;
		*h->far[i] = (struct dns_far){ .p.ops = &ops, .h = h };
	}
	return true;
}

struct dns_hijack *dns_hijack_new(struct transparent_udp *u)
{
	const struct config *c = u->w->config;
	struct dns_hijack *h = calloc(1, sizeof(*h) + c->n_outbounds * sizeof(struct dns_far *));

	if (!h)
		return NULL;
	h->u = u;
	list_init(&h->ages);
	if (!make_fars(h)) {
		dns_hijack_free(h);
		return NULL;
	}
	return h;
}

void dns_hijack_free(struct dns_hijack *h)
{
	if (!h)
		return;
	dns_pending_clear(h);
	for (size_t i = 0; i < h->u->w->config->n_outbounds && h->far[i]; i++) {
		dns_far_end(h->far[i]);
		free(h->far[i]);
	}
	free(h);
}
