// SPDX-License-Identifier: GPL-2.0-or-later
// Takes requests and packets out of a stream's bytes, however those are cut.
#include "app/uot_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where to is known: by it the rules choose. 0 or -ECONNREFUSED. */
static int make_far(struct uot *u, const struct addr *dst)
{
	struct packets *far;

	u->flow.dst = *dst;
	far = flow_packets(&u->flow, u->connect, u->timeout_ms);
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
	return make_far(u, &r.dst) < 0 ? -ECONNREFUSED : used;
}

static ssize_t read_packet(struct uot *u, const uint8_t *p, size_t n)
{
	struct uot_packet pkt;
	ssize_t used = uot_packet_parse(u->connect, p, n, &pkt);
	const struct addr *to = u->connect ? &u->flow.dst : &pkt.addr;

	if (used <= 0)
		return used;
	/* the legacy form has no request: its first packet says where to */
	if (u->version == UOT_V1 && !u->p.peer && make_far(u, to) < 0)
		return -ECONNREFUSED;
	if (!u->client && !flow_permits(&u->flow, to))
		count(&u->w->counters.udp_dropped, 1);
	else if (u->p.peer)
		u->p.peer->ops->send(u->p.peer, to, pkt.data, pkt.len);
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
	size_t take = n < UOT_PARTIAL_MAX - u->have ? n : UOT_PARTIAL_MAX - u->have;
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
		u->partial = malloc(UOT_PARTIAL_MAX);
	if (!u->partial)
		return -ENOMEM;
	memcpy(u->partial, p, n);
	u->have = n;
	return 0;
}

int uot_receive(struct uot *u, const uint8_t *p, size_t n)
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
