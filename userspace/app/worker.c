// SPDX-License-Identifier: GPL-2.0-or-later
// A worker's making, its thread, and the messages it takes.
#include "app/worker.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/flow.h"
#include "app/inbound.h"
#include "app/link_sockmap.h"
#include "app/server.h"
#include "base/fd.h"
#include "proto/frame.h"

#define TRIM_MS	  15000
#define TRIM_KEEP 16

bool limit_take(_Atomic uint32_t *count, uint32_t limit)
{
	if (atomic_fetch_add_explicit(count, 1, memory_order_relaxed) < limit)
		return true;
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
	return false;
}

void limit_give(_Atomic uint32_t *count)
{
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
}

void worker_own(struct worker *w, struct owned *o, void (*end)(struct owned *o))
{
	o->end = end;
	list_push_back(&w->owned, &o->link);
}

void worker_disown(struct owned *o)
{
	if (o->link.next)
		list_remove(&o->link);
}

/* Gives memory back that a peak left behind. */
static void trim(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, trim_timer);

	buf_pool_trim(&w->pool, TRIM_KEEP);
	state_put(&w->counters.pipes, w->relay.pipe.open + (w->sockmap && w->sockmap->pipe.open));
	if (w->id == 0)
		malloc_trim(0);
	loop_arm(w->loop, t, TRIM_MS, trim);
}

static struct outbound *make_outbound(struct worker *w, size_t i, char *why, size_t why_len)
{
	const struct config_outbound *c = &w->config->outbounds[i];

	snprintf(why, why_len, "out of memory");
	switch (c->type) {
	case OUTBOUND_ANYTLS:
		return client_new(w, c, w->program->outbounds[i], why, why_len);
	case OUTBOUND_BLOCK:
		return block_new(w, c);
	default:
		return direct_new(w, c);
	}
}

static struct inbound *make_inbound(struct worker *w, size_t i, char *why, size_t why_len)
{
	const struct config_inbound *c = &w->config->inbounds[i];
	int *fd = &w->program->listen_fds[i * w->program->n_workers + w->id];
	int *udp_fd = &w->program->udp_fds[i * w->program->n_workers + w->id];
	struct inbound *in;

	if (c->type == INBOUND_ANYTLS)
		in = server_new(w, c, w->program->inbounds[i], *fd, why, why_len);
	else if (c->type == INBOUND_TRANSPARENT)
		in = transparent_new(w, c, *fd, *udp_fd, why, why_len);
	else
		in = socks_new(w, c, *fd, why, why_len);
	if (in)
		in->index = (unsigned)i;
	if (in || c->type == INBOUND_TRANSPARENT) /* which takes them over in any case */
		*fd = *udp_fd = -1;
	return in;
}

static int make_parts(struct worker *w)
{
	w->loop = loop_new();
	w->mailbox = w->loop ? mailbox_new(w->loop, w) : NULL;
	w->rx = malloc(WIRE_READ_ROOM);
	w->frame = malloc(FRAME_HDR_LEN + FRAME_DATA_MAX);
	w->inbounds = calloc(w->config->n_inbounds + 1, sizeof(struct inbound *));
	w->outbounds = calloc(w->config->n_outbounds, sizeof(struct outbound *));
	if (!w->mailbox || !w->rx || !w->frame || !w->inbounds || !w->outbounds ||
	    wire_shared_init(&w->wires, &w->pool) < 0 ||
	    relay_shared_init(&w->relay, w->loop, &w->pool, &w->program->n_busy) < 0)
		return -ENOMEM;
	w->resolver = resolver_new(w->loop,
				   &(struct resolve_opts){ .servers = w->config->dns_servers,
							   .mark = w->config->default_mark |
								   w->config->steering.own_mark });
	return w->resolver ? 0 : -ENOMEM;
}

int worker_init(struct worker *w, struct program *p, unsigned id, char *why, size_t why_len)
{
	w->id = id;
	w->program = p;
	w->config = p->config;
	w->sockmap = p->sockmaps[id];
	p->sockmaps[id] = NULL;
	state_slots_init(&w->slots, p->state, id, p->n_workers);
	list_init(&w->handshakes);
	list_init(&w->owned);
	atomic_store(&w->oldest_ms, UINT64_MAX);
	if (make_parts(w) < 0) {
		snprintf(why, why_len, "worker %u: out of memory or descriptors", id);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->config->n_outbounds; i++) {
		w->outbounds[i] = make_outbound(w, i, why, why_len);
		if (!w->outbounds[i])
			return -EINVAL;
	}
	for (size_t i = 0; i < p->config->n_inbounds; i++) {
		w->inbounds[i] = make_inbound(w, i, why, why_len);
		if (!w->inbounds[i])
			return -EINVAL;
	}
	loop_arm(w->loop, &w->trim_timer, TRIM_MS, trim);
	return 0;
}

void worker_done(struct worker *w)
{
	w->draining = true;
	if (w->mailbox) /* connections and datagrams that came after the loop's last turn */
		mailbox_receive(w->mailbox);
	for (size_t i = 0; w->inbounds && i < w->config->n_inbounds; i++)
		if (w->inbounds[i])
			w->inbounds[i]->ops->free(w->inbounds[i]);
	for (size_t i = 0; w->outbounds && i < w->config->n_outbounds; i++)
		if (w->outbounds[i])
			w->outbounds[i]->ops->free(w->outbounds[i]);
	while (!list_empty(&w->owned)) {
		struct owned *o = container_of(w->owned.next, struct owned, link);

		o->end(o);
	}
	relay_shared_done(&w->relay);
	sockmap_free(w->sockmap);
	resolver_free(w->resolver);
	mailbox_free(w->mailbox);
	loop_free(w->loop);
	buf_pool_trim(&w->pool, 0);
	wire_shared_done(&w->wires);
	free(w->inbounds);
	free(w->outbounds);
	free(w->rx);
	free(w->frame);
	state_slots_done(&w->slots);
	route_unref(w->route);
}

void *worker_run(void *arg)
{
	struct worker *w = arg;

	loop_run(w->loop);
	return NULL;
}

struct message {
	struct mail mail;
	unsigned inbound;
	int fd;
};

static void receive_drain(struct mail *m, void *owner)
{
	struct worker *w = owner;

	free(container_of(m, struct message, mail));
	if (w->draining)
		return;
	w->draining = true;
	for (size_t i = 0; i < w->config->n_inbounds; i++)
		w->inbounds[i]->ops->drain(w->inbounds[i]);
	for (size_t i = 0; i < w->config->n_outbounds; i++)
		if (w->outbounds[i]->ops->drain)
			w->outbounds[i]->ops->drain(w->outbounds[i]);
}

static void receive_stop(struct mail *m, void *owner)
{
	free(container_of(m, struct message, mail));
	loop_stop(((struct worker *)owner)->loop);
}

static void receive_reload(struct mail *m, void *owner)
{
	struct worker *w = owner;

	free(container_of(m, struct message, mail));
	for (size_t i = 0; i < w->config->n_inbounds; i++)
		if (w->inbounds[i]->ops->reload && w->config->inbounds[i].tls.enabled)
			w->inbounds[i]->ops->reload(w->inbounds[i]);
}

static void receive_push_out(struct mail *m, void *owner)
{
	struct conn *oldest = conn_oldest(owner);

	free(container_of(m, struct message, mail));
	if (oldest)
		conn_close(oldest);
}

static void receive_connection(struct mail *m, void *owner)
{
	struct message *msg = container_of(m, struct message, mail);
	struct worker *w = owner;
	struct inbound *in = w->inbounds[msg->inbound];
	int fd = msg->fd;

	free(msg);
	if (w->draining) {
		fd_close(fd);
		limit_give(&w->program->n_local);
		return;
	}
	in->ops->adopt(in, fd);
}

static int post(struct worker *w, void (*receive)(struct mail *m, void *owner), unsigned inbound,
		int fd)
{
	struct message *msg = malloc(sizeof(*msg));

	if (!msg)
		return -ENOMEM;
	*msg = (struct message){ .mail.receive = receive, .inbound = inbound, .fd = fd };
	mailbox_send(w->mailbox, &msg->mail);
	return 0;
}

void worker_push_out(struct worker *w)
{
	post(w, receive_push_out, 0, -1);
}

void worker_drain(struct worker *w)
{
	post(w, receive_drain, 0, -1);
}

void worker_stop(struct worker *w)
{
	post(w, receive_stop, 0, -1);
}

void worker_reload(struct worker *w)
{
	post(w, receive_reload, 0, -1);
}

int worker_hand_over(struct worker *w, unsigned inbound, int fd)
{
	return post(w, receive_connection, inbound, fd);
}
