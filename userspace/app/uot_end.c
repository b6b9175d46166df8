// SPDX-License-Identifier: GPL-2.0-or-later
// The two ends of UDP over TCP, which differ in who sends the request only.
#include "app/uot_end.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define PARTIAL_MAX (UOT_HDR_MAX + 65535)
#define PENDING_MAX (64 * 1024)

struct uot {
	struct endpoint e; /* towards the stream */
	struct packets p;  /* towards the datagrams */
	struct worker *w;
	struct flow flow; /* server: how to route; client: the stream being opened */
	struct timer idle;
	struct deferred dead;
	struct owned owned;
	struct buf pending; /* client: sent before the stream was there */
	uint8_t *partial;   /* the start of a request or packet; PARTIAL_MAX bytes */
	size_t have;
	uint32_t timeout_ms;
	enum uot_version version;
	bool client;
	bool connect;	  /* packets carry no address */
	bool got_request; /* server: read it; client: wrote it */
	bool opening;	  /* client */
	bool closed;
	char tag[32];
};

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

static void idle_over(struct timer *t)
{
	end_both(container_of(t, struct uot, idle));
}

static void touch(struct uot *u)
{
	loop_arm(u->w->loop, &u->idle, u->timeout_ms, idle_over);
}

/* Server: the mode is known now; -ECONNREFUSED where nobody takes the datagrams. */
static int make_far(struct uot *u)
{
	struct packets *far = flow_packets(&u->flow, u->connect, u->timeout_ms);

	if (!far)
		return -ECONNREFUSED;
	packets_join(&u->p, far);
	return 0;
}

static ssize_t read_request(struct uot *u, const uint8_t *p, size_t n)
{
	struct uot_request r;
	ssize_t used = uot_request_parse(p, n, &r);

	if (used <= 0)
		return used;
	u->got_request = true;
	u->connect = r.connect;
	u->flow.dst = r.dst;
	return make_far(u) < 0 ? -ECONNREFUSED : used;
}

static ssize_t read_packet(struct uot *u, const uint8_t *p, size_t n)
{
	struct uot_packet pkt;
	ssize_t used = uot_packet_parse(u->connect, p, n, &pkt);

	if (used > 0 && u->p.peer)
		u->p.peer->ops->send(u->p.peer, u->connect ? &u->flow.dst : &pkt.addr, pkt.data, pkt.len);
	return used;
}

/* Reads all that is whole; returns the bytes used, or negative errno. */
static ssize_t decode(struct uot *u, const uint8_t *p, size_t n)
{
	size_t used = 0;

	while (used < n && !u->closed) {
		ssize_t took = u->got_request || u->client ? read_packet(u, p + used, n - used)
							   : read_request(u, p + used, n - used);

		if (took < 0)
			return took;
		if (took == 0)
			break;
		used += (size_t)took;
	}
	return (ssize_t)used;
}

/* Goes on with the packet that began earlier: returns how many bytes of p it took. */
static ssize_t complete(struct uot *u, const uint8_t *p, size_t n)
{
	size_t take = n < PARTIAL_MAX - u->have ? n : PARTIAL_MAX - u->have;
	ssize_t used;

	memcpy(u->partial + u->have, p, take);
	u->have += take;
	used = decode(u, u->partial, u->have);
	if (used < 0 || u->closed)
		return used < 0 ? used : (ssize_t)take;
	u->have -= (size_t)used;
	memmove(u->partial, u->partial + used, u->have);
	return (ssize_t)take;
}

static int keep(struct uot *u, const uint8_t *p, size_t n)
{
	if (!u->partial)
		u->partial = malloc(PARTIAL_MAX);
	if (!u->partial)
		return -ENOMEM;
	memcpy(u->partial, p, n);
	u->have = n;
	return 0;
}

static int receive(struct uot *u, const uint8_t *p, size_t n)
{
	ssize_t took;

	while (n > 0 && u->have > 0) {
		took = complete(u, p, n);
		if (took < 0 || u->closed)
			return took < 0 ? (int)took : 0;
		p += took;
		n -= (size_t)took;
	}
	if (u->have > 0)
		return 0;
	took = decode(u, p, n);
	if (took < 0 || u->closed)
		return took < 0 ? (int)took : 0;
	if ((size_t)took < n)
		return keep(u, p + took, n - (size_t)took);
	free(u->partial);
	u->partial = NULL;
	return 0;
}

static void endpoint_write(struct endpoint *e, struct iovec *iov, int n, bool headroom)
{
	struct uot *u = of_endpoint(e);

	(void)headroom;
	touch(u);
	for (int i = 0; i < n && !u->closed; i++) {
		int err = receive(u, iov[i].iov_base, iov[i].iov_len);

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
	return true;	/* datagrams that cannot go on are dropped */
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

/* Header and data behind the headroom of the worker's frame buffer, so that the stream adds its header in place. */
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
		stream->ops->write(stream, &iov, 1, true);
	else if (buf_append(&u->pending, &u->w->pool, iov.iov_base, iov.iov_len) < 0)
		end_both(u);	/* half a request must not be left out */
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
	return u;
}

struct endpoint *uot_server_new(const struct flow *f, enum uot_version version, uint32_t timeout_ms)
{
	struct uot *u = uot_new(f, timeout_ms);

	if (!u)
		return NULL;
	u->version = version;
	u->got_request = version == UOT_V1;
	if (version == UOT_V1 && make_far(u) < 0) {
		uot_close(u);
		return NULL;
	}
	return &u->e;
}

static void opened(struct flow *f, struct endpoint *far)
{
	struct uot *u = container_of(f, struct uot, flow);
	struct iovec iov[ENDPOINT_PIECES];

	u->opening = false;
	endpoint_join(&u->e, far);
	while (u->pending.len > 0 && !u->closed && u->e.peer) {
		int n = buf_peek(&u->pending, iov, ENDPOINT_PIECES);
		size_t total = 0;

		for (int i = 0; i < n; i++)
			total += iov[i].iov_len;
		far->ops->write(far, iov, n, false);
		if (!u->closed)
			buf_consume(&u->pending, &u->w->pool, total);
	}
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
