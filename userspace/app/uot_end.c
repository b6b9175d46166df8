// SPDX-License-Identifier: GPL-2.0-or-later
// The two ends of UDP over TCP: their life, and datagrams into the stream.
#include "app/uot_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define PENDING_MAX (64 * 1024)

static struct uot *of_endpoint(struct endpoint *e)
{
	return container_of(e, struct uot, e);
}

static struct uot *of_packets(struct packets *p)
{
	return container_of(p, struct uot, p);
}

static void release(struct deferred *d)
{
	free(container_of(d, struct uot, dead));
}

/* Both sides are told already, or about to be. */
static void uot_close(struct uot *u)
{
	if (u->closed)
		return;
	u->closed = true;
	worker_disown(&u->owned);
	if (u->opening)
		flow_cancel(&u->flow);
	loop_disarm(u->w->loop, &u->idle);
	buf_done(&u->pending, &u->w->pool);
	if (!u->client)
		limit_give(&u->w->program->n_udp);
	free(u->partial);
	u->partial = NULL;
	loop_defer(u->w->loop, &u->dead, release);
}

static void finish_stream(struct uot *u)
{
	struct endpoint *stream = u->e.peer;

	endpoint_unjoin(&u->e);
	if (stream)
		stream->ops->finish(stream);
}

static void end_both(struct uot *u)
{
	packets_close_peer(&u->p);
	finish_stream(u);
	uot_close(u);
}

static void end_owned(struct owned *o)
{
	end_both(container_of(o, struct uot, owned));
}

/* Armed once and not with each datagram: what passed meanwhile is found when it fires. */
static void idle_over(struct timer *t)
{
	struct uot *u = container_of(t, struct uot, idle);
	uint64_t silent_ms = loop_now_ms(u->w->loop) - u->used_ms;

	if (silent_ms >= u->timeout_ms)
		end_both(u);
	else
		loop_arm(u->w->loop, t, u->timeout_ms - silent_ms, idle_over);
}

static void touch(struct uot *u)
{
	u->used_ms = loop_now_ms(u->w->loop);
}

static void endpoint_write(struct endpoint *e, struct iovec *iov, int n, enum endpoint_room room)
{
	struct uot *u = of_endpoint(e);

	(void)room;
	touch(u);
	for (int i = 0; i < n && !u->closed; i++) {
		int err = uot_receive(u, iov[i].iov_base, iov[i].iov_len);

		if (err == 0)
			continue;
		log_info(u->tag, "UDP over TCP ended: %s",
			 err == -EPROTO ? "malformed packet" : "no way for the datagrams");
		end_both(u);
	}
}

static bool endpoint_has_room(struct endpoint *e)
{
	(void)e;
	return true; /* datagrams that cannot go on are dropped */
}

static void endpoint_gone(struct endpoint *e)
{
	struct uot *u = of_endpoint(e);

	endpoint_unjoin(e);
	packets_close_peer(&u->p);
	uot_close(u);
}

static void endpoint_eof(struct endpoint *e)
{
	end_both(of_endpoint(e));
}

static void endpoint_resume(struct endpoint *e)
{
	(void)e;
}

static const struct endpoint_ops endpoint_ops = {
	.write = endpoint_write,
	.has_room = endpoint_has_room,
	.eof = endpoint_eof,
	.finish = endpoint_gone,
	.abort = endpoint_gone,
	.resume = endpoint_resume,
};

/* Header and data behind the headroom of the worker's frame buffer, so that the stream adds its
 * header in place. */
static size_t encode(struct uot *u, const struct addr *a, const uint8_t *data, size_t n)
{
	uint8_t *p = u->w->frame + ENDPOINT_HEADROOM;
	size_t used = 0;

	if (u->client && !u->got_request) {
		used = uot_request_put(p, &(struct uot_request){ .connect = false, .dst = *a });
		u->got_request = true;
	}
	used += uot_packet_put(u->connect, p + used, a, (uint16_t)n);
	memcpy(p + used, data, n);
	return used + n;
}

static void packets_send(struct packets *p, const struct addr *a, const uint8_t *data, size_t n)
{
	struct uot *u = of_packets(p);
	struct endpoint *stream = u->e.peer;
	struct iovec iov = { .iov_base = u->w->frame + ENDPOINT_HEADROOM };

	if (u->closed || n > UOT_DATAGRAM_MAX || (stream && !stream->ops->has_room(stream)) ||
	    (!stream && u->pending.len + n > PENDING_MAX)) {
		count(&u->w->counters.udp_dropped, 1);
		return;
	}
	touch(u);
	iov.iov_len = encode(u, a, data, n);
	if (stream)
		stream->ops->write(stream, &iov, 1, ENDPOINT_HEADED);
	else if (buf_append(&u->pending, &u->w->pool, iov.iov_base, iov.iov_len) < 0)
		end_both(u); /* half a request must not be left out */
}

static void packets_close(struct packets *p)
{
	struct uot *u = of_packets(p);

	finish_stream(u);
	uot_close(u);
}

static const struct packets_ops packets_ops = { .send = packets_send, .close = packets_close };

static struct uot *uot_new(const struct flow *f, uint32_t timeout_ms)
{
	struct uot *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->e.ops = &endpoint_ops;
	u->p.ops = &packets_ops;
	u->w = f->w;
	u->flow = *f;
	u->timeout_ms = timeout_ms;
	snprintf(u->tag, sizeof(u->tag), "%s", f->tag);
	u->flow.tag = u->tag;
	worker_own(u->w, &u->owned, end_owned);
	touch(u);
	loop_arm(u->w->loop, &u->idle, timeout_ms, idle_over);
	return u;
}

struct endpoint *uot_server_new(const struct flow *f, enum uot_version version, uint32_t timeout_ms)
{
	struct program *p = f->w->program;
	struct uot *u;

	if (!limit_take(&p->n_udp, f->w->config->limits.udp_associations))
		return NULL;
	u = uot_new(f, timeout_ms);
	if (!u) {
		limit_give(&p->n_udp);
		return NULL;
	}
	u->version = version;
	u->got_request = version == UOT_V1;
	u->flow.network = IPPROTO_UDP; /* the stream's was TCP */
	return &u->e;
}

static void opened(struct flow *f, struct endpoint *far)
{
	struct uot *u = container_of(f, struct uot, flow);

	u->opening = false;
	endpoint_join(&u->e, far);
	endpoint_pour(&u->e, &u->pending, &u->w->pool);
}

static void failed(struct flow *f, int err, const char *why)
{
	struct uot *u = container_of(f, struct uot, flow);

	(void)err;
	u->opening = false;
	log_info(u->tag, "UDP association failed: %s", why);
	end_both(u);
}

struct packets *uot_client_new(struct outbound *o, const struct flow *f, uint32_t timeout_ms)
{
	static const struct flow_ops ops = { .opened = opened, .failed = failed };
	struct uot *u = uot_new(f, timeout_ms);

	if (!u)
		return NULL;
	u->client = true;
	u->version = UOT_V2;
	u->opening = true;
	u->flow.ops = &ops;
	u->flow.outbound = o;
	addr_from_host(UOT_V2_NAME, strlen(UOT_V2_NAME), 0, &u->flow.dst);
	o->ops->connect(o, &u->flow);
	return u->closed ? NULL : &u->p;
}
