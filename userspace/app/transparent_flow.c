// SPDX-License-Identifier: GPL-2.0-or-later
// A captured flow: the reply socket of one client and one destination.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/addr_forms.h"
#include "app/transparent_udp.h"

static void release(struct deferred *d)
{
	free(container_of(d, struct udp_flow, dead));
}

struct udp_flow *udp_flow_find(struct transparent_udp *u, const union sockaddr_any *client,
			       const union sockaddr_any *dst)
{
	struct udp_key key = udp_key_flow(client, dst);
	struct udp_flow *f;

	HASH_FIND(hh, u->flows, &key, sizeof(key), f);
	return f;
}

static void invited(struct udp_flow *f)
{
	if (list_empty(&f->in_uninvited))
		return;
	list_remove(&f->in_uninvited);
	f->a->n_uninvited--;
}

void udp_flow_end(struct udp_flow *f)
{
	struct udp_association *a = f->a;
	struct transparent_udp *u = a->u;

	if (f->ended)
		return;
	f->ended = true;
	udp_run_forget(f);
	if (a->recent == f)
		a->recent = NULL;
	invited(f);
	HASH_DELETE(hh, u->flows, f);
	list_remove(&f->in_age);
	list_remove(&f->in_association);
	udp_source_drop_flow(a);
	loop_close(u->w->loop, &f->watch);
	loop_unpost(u->w->loop, &f->more);
	limit_give(&u->w->program->n_udp_flows);
	loop_defer(u->w->loop, &f->dead, release);
	udp_queue_wake(u);
	if (list_empty(&a->flows))
		udp_association_end(a);
}

void udp_flow_up(struct udp_flow *f, const struct datagram *d)
{
	struct udp_association *a = f->a;
	bool was_uninvited = !list_empty(&f->in_uninvited);
	struct addr dst;

	if (d->cut) {
		udp_drop(a->u);
		return;
	}
	invited(f);
	a->recent = f;
	udp_age(f, was_uninvited ? UDP_ANSWERED : f->age == UDP_DONE ? UDP_WAITING : f->age);
	udp_association_used(a, false);
	count(&a->u->w->counters.udp_captured, 1);
	addr_from_sockaddr(&f->dst, &dst);
	a->p.peer->ops->send(a->p.peer, &dst, d->data, d->n);
}

bool udp_flow_unread(const struct udp_flow *f)
{
	char byte;

	return recv(f->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

void udp_flow_down(struct udp_flow *f, const uint8_t *data, size_t n)
{
	if (!list_empty(&f->in_uninvited))
		udp_age(f, UDP_WAITING);
	else
		udp_age(f, sockaddr_port(&f->dst) == PORT_DNS ? UDP_DONE : UDP_ANSWERED);
	udp_association_used(f->a, true);
	udp_run_send(f, data, n);
}

static void read_some(struct udp_flow *f);

/* What came before the socket was connected may be of others. */
static void received(struct udp_flow *f, struct datagram *d)
{
	if (udp_same(&d->from, &f->a->client)) {
		udp_flow_up(f, d);
		return;
	}
	d->to = f->dst;
	udp_arrived(f->a->u, d);
}

/* What is left for the next turn would make no edge. */
static void read_on(struct task *t)
{
	read_some(container_of(t, struct udp_flow, more));
}

static void read_some(struct udp_flow *f)
{
	struct transparent_udp *u = f->a->u;
	struct datagram d[DATAGRAMS_MAX];
	int n = datagrams_read(u->batch, f->watch.fd, false, d), i = 0;

	/* ICMP: the client does not want answers, or one was too large for the way to it */
	if (n == -ECONNREFUSED)
		udp_flow_end(f);
	else if (n < 0 || n == DATAGRAMS_MAX)
		loop_post(u->w->loop, &f->more, read_on);
	for (; i < n && !f->ended; i++)
		received(f, &d[i]);
	for (; i < n; i++)
		udp_drop(u);
}

static void ready(struct watcher *w, uint32_t events)
{
	(void)events;
	read_some(container_of(w, struct udp_flow, watch));
}

static int bind_socket(struct udp_flow *f, bool uninvited)
{
	struct worker *w = f->a->u->w;
	int fd = datagram_answer(&f->dst, &f->a->client, w->config->steering.own_mark,
				 uninvited ? DATAGRAM_FROM_OTHERS : DATAGRAM_FROM_ANY);
	int err = fd < 0 ? fd : 0;

	f->watch = (struct watcher){ .fd = fd, .ready = ready };
	if (err == 0)
		err = loop_watch(w->loop, &f->watch, EPOLLIN);
	if (err < 0)
		loop_close(w->loop, &f->watch);
	return err;
}

static bool open_socket(struct udp_flow *f, bool uninvited)
{
	struct udp_association *a = f->a;
	int err = bind_socket(f, uninvited);

	/* no descriptors are left: one of ours may go */
	if (err == -EMFILE && udp_evict_flow(a->u, &a->client) && !a->ended)
		err = bind_socket(f, uninvited);
	if (err == -EADDRINUSE && udp_may_answer_as(a->u, f->dst.sa.sa_family))
		err = 0;
	if (err < 0 && !uninvited && log_allowed(&a->u->refused, 5))
		log_warn(a->tag, "no socket for answers to a captured datagram: %s",
			 strerror(-err));
	return err == 0;
}

static void remember(struct udp_flow *f, bool uninvited)
{
	struct udp_association *a = f->a;

	f->key = udp_key_flow(&a->client, &f->dst);
	HASH_ADD(hh, a->u->flows, key, sizeof(f->key), f);
	list_push_back(&a->flows, &f->in_association);
	udp_source_add_flow(a);
	if (uninvited) {
		list_push_back(&a->uninvited, &f->in_uninvited);
		a->n_uninvited++;
	}
	udp_age(f, UDP_WAITING);
	count(&a->u->w->counters.udp_flows, 1);
}

struct udp_flow *udp_flow_new(struct udp_association *a, const union sockaddr_any *dst,
			      bool uninvited)
{
	struct udp_flow *f = a->ended ? NULL : calloc(1, sizeof(*f));

	if (!f)
		goto fail;
	f->a = a;
	f->dst = *dst;
	list_init(&f->in_age);
	list_init(&f->in_uninvited);
	if (!open_socket(f, uninvited))
		goto fail;
	remember(f, uninvited);
	return f;
fail:
	free(f);
	limit_give(&a->u->w->program->n_udp_flows);
	return NULL;
}
