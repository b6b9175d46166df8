// SPDX-License-Identifier: GPL-2.0-or-later
// A session died before a byte of a stream went either way: its local side is kept for a second
// try.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/client.h"

struct rescue {
	struct endpoint e; /* holds the local side's place until there is a stream again */
	struct flow flow;
	struct deferred dead;
	char user[64], tag[32];
};

static void release(struct deferred *d)
{
	free(container_of(d, struct rescue, dead));
}

static void rescue_done(struct rescue *r)
{
	endpoint_unjoin(&r->e);
	loop_defer(r->flow.w->loop, &r->dead, release);
}

static void nothing_to_write(struct endpoint *e, struct iovec *iov, int n, enum endpoint_room room)
{
	(void)e;
	(void)iov;
	(void)n;
	(void)room;
}

static bool no_room(struct endpoint *e)
{
	(void)e;
	return false;
}

static void nothing(struct endpoint *e)
{
	(void)e;
}

static void local_gone(struct endpoint *e)
{
	struct rescue *r = container_of(e, struct rescue, e);

	flow_cancel(&r->flow);
	rescue_done(r);
}

static const struct endpoint_ops rescue_ops = {
	.write = nothing_to_write,
	.has_room = no_room,
	.eof = nothing,
	.finish = local_gone,
	.abort = local_gone,
	.resume = nothing,
};

static void opened(struct flow *f, struct endpoint *far)
{
	struct rescue *r = container_of(f, struct rescue, flow);
	struct endpoint *local = r->e.peer;

	rescue_done(r);
	endpoint_join(far, local);
}

static void failed(struct flow *f, int err, const char *why)
{
	struct rescue *r = container_of(f, struct rescue, flow);
	struct endpoint *local = r->e.peer;

	(void)err;
	(void)why;
	rescue_done(r);
	local->ops->abort(local);
}

bool client_rescue(struct client *c, struct endpoint *local, const struct addr *dst,
		   const char *user, const char *tag)
{
	static const struct flow_ops ops = { .opened = opened, .failed = failed };
	struct rescue *r = calloc(1, sizeof(*r));

	if (!r)
		return false;
	snprintf(r->user, sizeof(r->user), "%s", user);
	snprintf(r->tag, sizeof(r->tag), "%s", tag);
	r->e.ops = &rescue_ops;
	r->flow = (struct flow){ .w = c->o.w,
				 .ops = &ops,
				 .user = r->user,
				 .tag = r->tag,
				 .dst = *dst,
				 .outbound = &c->o,
				 .retried = true };
	endpoint_unjoin(local);
	r->e.peer = local;
	local->peer = &r->e;
	client_dial(c, &r->flow);
	return true;
}
