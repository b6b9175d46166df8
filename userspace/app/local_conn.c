// SPDX-License-Identifier: GPL-2.0-or-later
// The steps that local clients' connections take whatever they speak.
#include "app/local_conn.h"

#include <stdio.h>

#include "base/fd.h"
#include "datapath/tcp.h"
#include "io/sockopt.h"

bool local_listen(struct inbound *in, int fd)
{
	sockopt_keepalive(fd);
	in->listener = listener_start(in->w->loop, fd, &in->sink);
	return in->listener;
}

bool local_place(struct inbound *in, struct log_limit *refused)
{
	struct worker *w = in->w;

	count(&w->counters.connections, 1);
	if (limit_take(&w->program->n_local, w->config->limits.local_connections))
		return true;
	if (log_allowed(refused, 1))
		log_warn(in->config->tag,
			 "connections are refused: limits.local_connections is reached");
	return false;
}

/* Nobody knows yet where the connection goes: the outbound for most of them is asked, or the first
 * one that has sessions at all. */
static struct outbound *likely_outbound(const struct worker *w)
{
	struct outbound *o = w->outbounds[w->config->final_outbound];

	for (size_t i = 0; !o->ops->better_worker && i < w->config->n_outbounds; i++)
		if (w->outbounds[i]->ops->better_worker)
			o = w->outbounds[i];
	return o;
}

bool local_handed_over(struct inbound *in, int fd)
{
	struct outbound *o = likely_outbound(in->w);
	struct worker *better = o->ops->better_worker ? o->ops->better_worker(o) : NULL;

	return better && worker_hand_over(better, in->index, fd) == 0;
}

void local_drop(struct inbound *in, int fd)
{
	fd_close(fd);
	limit_give(&in->w->program->n_local);
}

static void take_peer(struct local_conn *c, const union sockaddr_any *peer)
{
	socklen_t len = sizeof(c->flow.src);

	if (peer)
		c->flow.src = *peer;
	else if (getpeername(c->watch.fd, &c->flow.src.sa, &len) == 0)
		sockaddr_unmap(&c->flow.src);
}

void local_conn_start(struct local_conn *c, struct inbound *in, struct list *all, int fd,
		      const union sockaddr_any *peer)
{
	struct worker *w = in->w;

	limit_take(&w->program->n_busy, UINT32_MAX);
	c->in = in;
	c->watch.fd = fd;
	snprintf(c->tag, sizeof(c->tag), "l%u", atomic_fetch_add(&w->program->next_tag, 1) + 1);
	list_push_back(all, &c->link);
	c->flow.w = w;
	c->flow.inbound = in->index;
	c->flow.network = IPPROTO_TCP;
	c->flow.tag = c->tag;
	take_peer(c, peer);
}

int local_conn_watch(struct local_conn *c, uint32_t events)
{
	return loop_watch(c->in->w->loop, &c->watch, events);
}

void local_conn_connect(struct local_conn *c)
{
	c->flow_open = true;
	flow_connect(&c->flow);
}

bool local_conn_join(struct local_conn *c, struct endpoint *far, struct buf *early)
{
	struct worker *w = c->in->w;
	struct endpoint *local;

	loop_forget(w->loop, &c->watch);
	local = tcp_endpoint_new(&w->relay, c->watch.fd, early, &w->program->n_local);
	if (!local) {
		buf_done(early, &w->pool);
		far->ops->abort(far);
		return false;
	}
	c->watch.fd = -1;
	c->place_moved = true;
	local->engine = c->in->config->datapath;
	endpoint_join(far, local);
	if (c->sends_first)
		tcp_read_now(local);
	return true;
}

bool local_conn_end(struct local_conn *c, void (*release)(struct deferred *d))
{
	struct worker *w = c->in->w;

	if (c->closed)
		return false;
	c->closed = true;
	if (c->flow_open)
		flow_cancel(&c->flow);
	loop_close(w->loop, &c->watch);
	loop_disarm(w->loop, &c->timer);
	list_remove(&c->link);
	if (!c->place_moved)
		limit_give(&w->program->n_local);
	limit_give(&w->program->n_busy);
	loop_defer(w->loop, &c->dead, release);
	return true;
}
