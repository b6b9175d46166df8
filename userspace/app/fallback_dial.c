// SPDX-License-Identifier: GPL-2.0-or-later
// Starting a fallback: dialling the web server in the background and joining it.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/fallback_impl.h"
#include "app/wire_farewell.h"
#include "base/fd.h"
#include "datapath/tcp.h"

#define DIAL_TIMEOUT_MS 5000

static void end_owned(struct owned *o)
{
	fallback_end(container_of(o, struct fallback, owned), fallback_close_hard);
}

static void dialed(struct dial *d, int err, int fd)
{
	struct fallback *f = container_of(d, struct fallback, dial);
	struct endpoint *target = NULL;
	struct buf early = { 0 };

	f->dialing = false;
	if (!err)
		target = tcp_endpoint_new(&f->w->relay, fd, &early, NULL);
	if (!target) {
		fd_close(fd);
		log_warn(f->tag, "fallback cannot be reached: %s", strerror(err ? -err : ENOMEM));
		fallback_end(f, wire_farewell);
		return;
	}
	endpoint_join(&f->e, target);
	endpoint_pour(&f->e, &f->early, &f->w->pool);
	if (f->source_ended && f->e.peer)
		target->ops->eof(target);
}

static void patience_over(struct timer *t)
{
	struct fallback *f = container_of(t, struct fallback, last);

	fallback_end(f, f->unanswered ? fallback_close_quietly : fallback_close_at_once);
}

static struct fallback *fallback_new(struct worker *w, struct wire *wire,
				     const struct config_target *to, uint64_t patience_ms,
				     const char *tag)
{
	struct fallback *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->e.ops = &fallback_endpoint_ops;
	f->w = w;
	f->wire = wire;
	f->readable = true;
	f->opts = (struct dial_opts){ .timeout_ms = DIAL_TIMEOUT_MS,
				      .mark = w->config->steering.own_mark };
	f->dial.done = dialed;
	snprintf(f->tag, sizeof(f->tag), "%s", tag);
	if (fallback_watch(f) == 0 &&
	    dial_name(&f->dial, w->loop, w->resolver, &f->opts, to->host, to->port) == 0) {
		f->dialing = true;
		f->patient = loop_arm(w->loop, &f->last, patience_ms, patience_over) == 0;
		worker_own(w, &f->owned, end_owned);
		return f;
	}
	loop_forget(w->loop, &f->watch);
	loop_defer(w->loop, &f->dead, fallback_release);
	return NULL;
}

static void give_up(struct worker *w, struct wire *wire)
{
	wire_free(wire);
	limit_give(&w->program->n_sessions);
}

void fallback_start(struct worker *w, struct wire *wire, const struct config_target *to,
		    const uint8_t *p, size_t n, uint64_t patience_ms, const char *tag)
{
	struct fallback *f = fallback_new(w, wire, to, patience_ms, tag);

	if (!f)
		give_up(w, wire);
	else if (n > 0)
		fallback_pass_on(f, p, n);
}

struct fallback *fallback_ask(struct worker *w, struct wire *wire, const struct config_target *to,
			      const struct fallback_guard *guard, void *owner, uint64_t patience_ms,
			      const char *tag)
{
	struct fallback *f = fallback_new(w, wire, to, patience_ms, tag);

	if (!f) {
		give_up(w, wire);
		return NULL;
	}
	f->guard = guard;
	f->owner = owner;
	return f;
}
