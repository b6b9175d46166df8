/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fallback.c (the wire as an endpoint) and fallback_dial.c (how it gets its target) share. */
#ifndef APP_FALLBACK_IMPL_H
#define APP_FALLBACK_IMPL_H

#include "app/fallback.h"
#include "io/dial.h"

struct fallback {
	struct endpoint e;
	struct worker *w;
	struct wire *wire;
	struct watcher watch;
	struct task read_task, flush_task;
	struct deferred dead;
	struct owned owned;
	/* How long the client may take: for its first request, or once the target has closed. */
	struct timer last;
	struct dial dial;
	struct dial_opts opts;
	struct buf early;
	const struct fallback_guard *guard; /* until the client speaks */
	void *owner;
	bool dialing, readable, source_ended, sink_ended, blocked, closed;
	bool unanswered; /* the client spoke last */
	bool answered;	 /* the target has ever said anything */
	bool patient;	 /* the timer runs for the first request */
	enum { HEAD_BEGIN, HEAD_LINE, HEAD_LINE_END } head; /* where it is in that */
	char tag[16];
};

extern const struct endpoint_ops fallback_endpoint_ops;

/* Bytes of the client, for the target now or once it is there. */
void fallback_pass_on(struct fallback *f, const uint8_t *p, size_t n);
/* Bytes of the client: once they end a request's head, there is no hurry any more. */
void fallback_look_for_head(struct fallback *f, const uint8_t *p, size_t n);
void fallback_stop_patience(struct fallback *f);
/* Watches f->wire. 0 or -errno. */
int fallback_watch(struct fallback *f);
/* Ends it and gives its place back; the wire is closed by `close_wire`. Idempotent. */
void fallback_end(struct fallback *f, void (*close_wire)(struct worker *w, struct wire *wire));
/* Three close_wire, beside wire_farewell(). With an RST: */
void fallback_close_hard(struct worker *w, struct wire *wire);
/* close_notify, and then nobody listens: an RST for whatever still comes. */
void fallback_close_at_once(struct worker *w, struct wire *wire);
/* Without close_notify, as nginx takes leave of a client that has left itself, or whose request
 * never came to its end. */
void fallback_close_quietly(struct worker *w, struct wire *wire);
/* For loop_defer(). */
void fallback_release(struct deferred *d);

#endif
