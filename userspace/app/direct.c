// SPDX-License-Identifier: GPL-2.0-or-later
// The outbounds that need no peer of ours: direct connections, and block.
#include "app/direct.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "datapath/tcp.h"

struct direct {
	struct outbound o;
	struct dial_opts dial;
};

struct dial_opts dial_opts_from(const struct config_dial *c)
{
	return (struct dial_opts){
		.timeout_ms = c->connect_timeout_ms,
		.fallback_delay_ms = c->fallback_delay_ms,
		.mark = c->routing_mark,
		.bind_interface = c->bind_interface,
		.bind4 = c->bind4,
		.bind6 = c->bind6,
		.keepalive = true,
	};
}

static void dialed(struct dial *d, int err, int fd)
{
	struct flow *f = container_of(d, struct flow, dial);
	struct buf early = { 0 };
	struct endpoint *e;

	if (err) {
		f->ops->failed(f, err, err == -ENOENT ? "no such name" : strerror(-err));
		return;
	}
	e = tcp_endpoint_new(&f->w->relay, fd, &early, NULL);
	if (!e) {
		fd_close(fd);
		f->ops->failed(f, -ENOMEM, "out of memory");
		return;
	}
	e->engine = f->outbound->config->datapath;
	f->ops->opened(f, e);
}

static void direct_connect(struct outbound *o, struct flow *f)
{
	struct direct *d = container_of(o, struct direct, o);
	const struct addr *a = &f->dst;
	union sockaddr_any sa;
	int err;

	f->dial.done = dialed;
	if (a->type == ADDR_NAME) {
		err = dial_name(&f->dial, f->w->loop, f->w->resolver, &d->dial, a->name, a->port);
	} else {
		bool v4 = a->type == ADDR_IPV4;

		sockaddr_set(&sa, v4 ? a->ip4 : a->ip6, v4 ? 4 : 16, a->port);
		err = dial_addr(&f->dial, f->w->loop, &d->dial, &sa);
	}
	if (err)
		f->ops->failed(f, err, "out of memory");
}

static void direct_cancel(struct outbound *o, struct flow *f)
{
	(void)o;
	dial_cancel(&f->dial);
}

static void direct_free(struct outbound *o)
{
	free(container_of(o, struct direct, o));
}

static const struct outbound_ops direct_ops = {
	.connect = direct_connect,
	.cancel = direct_cancel,
	.packets = direct_packets,
	.free = direct_free,
};

struct outbound *direct_new(struct worker *w, const struct config_outbound *c)
{
	struct direct *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->o = (struct outbound){ .ops = &direct_ops, .config = c, .w = w };
	d->dial = dial_opts_from(&c->dial);
	return &d->o;
}

static void block_connect(struct outbound *o, struct flow *f)
{
	(void)o;
	f->ops->failed(f, -EACCES, "blocked");
}

static void block_cancel(struct outbound *o, struct flow *f)
{
	(void)o;
	(void)f;
}

static struct packets *block_packets(struct outbound *o, const struct flow *f, bool connected,
				     uint32_t timeout_ms)
{
	(void)o;
	(void)f;
	(void)connected;
	(void)timeout_ms;
	return NULL;
}

static void block_free(struct outbound *o)
{
	free(o);
}

static const struct outbound_ops block_ops = {
	.connect = block_connect,
	.cancel = block_cancel,
	.packets = block_packets,
	.free = block_free,
};

struct outbound *block_new(struct worker *w, const struct config_outbound *c)
{
	struct outbound *o = calloc(1, sizeof(*o));

	if (o)
		*o = (struct outbound){ .ops = &block_ops, .config = c, .w = w };
	return o;
}
