// SPDX-License-Identifier: GPL-2.0-or-later
// A client's session from the dial to its end.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/client.h"
#include "app/kernel_offer.h"
#include "app/state.h"
#include "base/fd.h"
#include "proto/preamble.h"
#include "proto/settings.h"

#define HANDSHAKE_MS	8000  /* an application waits for it */
#define AUTH_FAILURE_MS 10000 /* a server that closes later had another reason */

static void release(struct deferred *d)
{
	free(container_of(d, struct client_session, dead));
}

/* What every phase ends with. */
static void attempt_done(struct client_session *cs)
{
	struct loop *loop = cs->c->o.w->loop;

	cs->over = true;
	loop_disarm(loop, &cs->timer);
	list_remove(&cs->in_client);
	if (cs->warming)
		client_pool_warmed(cs->c, false);
	loop_defer(loop, &cs->dead, release);
}

/* It never became ready. */
static void attempt_failed(struct client_session *cs, int err, const char *why)
{
	struct client *c = cs->c;
	struct flow *f = cs->first;

	if (cs->phase == CLIENT_DIALING)
		dial_cancel(&cs->dial);
	if (cs->handshake)
		loop_forget(c->o.w->loop, &cs->watch);
	handshake_free(cs->handshake);
	cs->handshake = NULL;
	attempt_done(cs);
	if (err != -ECANCELED && log_allowed(&c->failed, 5))
		log_warn(c->o.config->tag, "no session with %s:%u: %s", c->o.config->server,
			 c->o.config->server_port, why);
	if (f) {
		f->pending = NULL;
		f->ops->failed(f, err, why);
	}
}

void client_session_end(struct client_session *cs, int err, const char *why)
{
	if (cs->over)
		return;
	if (cs->phase == CLIENT_READY)
		link_end(&cs->l, why);
	else
		attempt_failed(cs, err, why);
}

size_t client_greeting(struct client_session *cs, uint8_t *p, size_t room)
{
	ssize_t n;

	if (cs->greeted)
		return 0;
	n = settings_put((char *)p + FRAME_HDR_LEN, room - FRAME_HDR_LEN,
			 cs->c->o.config->client_metadata, cs->l.scheme->md5);
	if (n < 0)
		return 0;
	cs->greeted = true;
	frame_put(p, FRAME_SETTINGS, 0, (uint16_t)n);
	return FRAME_HDR_LEN + (size_t)n;
}

static void act_scheme(struct link *l, const struct act *a)
{
	struct client *c = client_session_of(l)->c;
	struct scheme *fresh;

	if (scheme_new((const char *)a->data, a->len, &fresh) < 0) {
		log_warn(l->tag, "the server's padding scheme cannot be used; the old one stays");
		return;
	}
	log_info(l->tag, "new padding scheme from %s:%u (md5 %s)", c->o.config->server,
		 c->o.config->server_port, fresh->md5);
	scheme_slot_set(&c->o.shared->scheme, fresh);
}

static void act(struct link *l, const struct act *a)
{
	if (a->kind == ACT_SCHEME)
		act_scheme(l, a);
}

static void no_open(struct link *l, uint32_t stream_id)
{
	(void)l;
	(void)stream_id;
}

static bool reusable(const struct client_session *cs)
{
	return !cs->c->o.config->disable_reuse && !cs->l.w->draining &&
	       cs->l.core.next_id >> 31 == 0 && wire_wear(cs->l.wire) == WIRE_FRESH;
}

static void idle(struct link *l)
{
	struct client_session *cs = client_session_of(l);

	client_backoff_over(cs->c);
	if (!reusable(cs))
		link_end(l, "not to be used again");
}

void client_session_released(struct client_session *cs)
{
	if (--cs->n_active == 0 && !cs->l.dead && reusable(cs))
		client_pool_put(cs);
}

static void over(struct link *l, const char *why)
{
	struct client_session *cs = client_session_of(l);
	uint64_t age = loop_now_ms(l->w->loop) - cs->ready_ms;

	client_pool_remove(cs);
	log_info(l->tag, "session with %s:%u ended: %s", cs->c->o.config->server,
		 cs->c->o.config->server_port, why);
	if (l->refused)
		client_backoff(cs->c, why);
	else if (l->lost && l->bytes_in == 0 && cs->greeted && age < AUTH_FAILURE_MS)
		client_backoff(
			cs->c,
			"closed a new session without a word: is the password wrong, or is it no "
			"AnyTLS server?");
	attempt_done(cs);
	client_pool_warm(cs->c);
}

static const struct link_ops client_link_ops = {
	.open = no_open,
	.act = act,
	.idle = idle,
	.over = over,
};

/* Packet 0: one record, its padding drawn from key 0 (protocol notes 1.2). */
static int send_preamble(struct client_session *cs, struct wire *wire, const struct scheme *scheme)
{
	uint8_t *p = cs->c->o.w->frame;
	uint16_t pad = padding_preamble(&scheme->padding, PREAMBLE_PAD_MAX);
	struct iovec iov = { p, preamble_put(p, cs->c->o.config->hash, pad) };

	return wire_write(wire, &iov, 1, WIRE_NOW);
}

static void ready_for_streams(struct client_session *cs, struct wire *wire)
{
	struct client *c = cs->c;
	struct worker *w = c->o.w;
	struct scheme *scheme = scheme_slot_get(&c->o.shared->scheme);
	struct flow *f = cs->first;

	cs->phase = CLIENT_READY;
	cs->ready_ms = loop_now_ms(w->loop);
	cs->first = NULL;
	count(&w->counters.client_sessions, 1);
	if (cs->warming)
		client_pool_warmed(c, true);
	cs->warming = false;
	session_init(&cs->l.core, SESSION_CLIENT);
	cs->l.engine = c->o.config->datapath;
	snprintf(cs->l.tag, sizeof(cs->l.tag), "c%u",
		 atomic_fetch_add(&w->program->next_tag, 1) + 1);
	kernel_offer(&cs->l, w, wire, &c->o.config->tls);
	log_info(cs->l.tag, "session with %s:%u over %s", c->o.config->server,
		 c->o.config->server_port, wire_describe(wire));
	state_session_open(&cs->l, w, wire, "", c->o.config->tag, "%s:%u", c->o.config->server,
			   c->o.config->server_port);
	send_preamble(cs, wire, scheme); /* a dead wire shows itself when it is read */
	link_start(&cs->l, w, &client_link_ops, wire, scheme, NULL, 0);
	scheme_unref(scheme);
	if (f)
		f->pending = NULL;
	if (cs->over) {
		if (f)
			f->ops->failed(f, -ECONNRESET, "connection lost");
	} else if (f) {
		client_stream_open(cs, f);
	} else {
		size_t n = client_greeting(cs, w->frame, FRAME_DATA_MAX);

		link_packet(&cs->l, w->frame, n);
		client_pool_put(cs);
	}
}

static void handshake_ready(struct watcher *w, uint32_t events)
{
	struct client_session *cs = container_of(w, struct client_session, watch);
	int err = handshake_step(cs->handshake);
	struct wire *wire;
	char why[220];

	(void)events;
	if (err == -EAGAIN)
		return;
	if (err < 0) {
		snprintf(why, sizeof(why), "TLS: %s", handshake_why(cs->handshake));
		attempt_failed(cs, err, why);
		return;
	}
	loop_forget(cs->c->o.w->loop, &cs->watch);
	loop_disarm(cs->c->o.w->loop, &cs->timer);
	wire = handshake_finish(cs->handshake);
	cs->handshake = NULL;
	if (wire)
		ready_for_streams(cs, wire);
	else
		attempt_failed(cs, -ENOMEM, "out of memory");
}

static void handshake_late(struct timer *t)
{
	attempt_failed(container_of(t, struct client_session, timer), -ETIMEDOUT,
		       "TLS handshake took too long");
}

static void dialed(struct dial *d, int err, int fd)
{
	struct client_session *cs = container_of(d, struct client_session, dial);
	struct worker *w = cs->c->o.w;

	cs->phase = CLIENT_HANDSHAKE;
	if (err) {
		attempt_failed(cs, err, err == -ENOENT ? "no such name" : strerror(-err));
		return;
	}
	cs->handshake = handshake_connect(&w->wires, fd, cs->c->tls);
	cs->watch = (struct watcher){ .fd = fd, .ready = handshake_ready };
	if (!cs->handshake)
		fd_close(fd);
	if (!cs->handshake ||
	    loop_watch(w->loop, &cs->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0 ||
	    loop_arm(w->loop, &cs->timer, HANDSHAKE_MS, handshake_late) < 0)
		attempt_failed(cs, -ENOMEM, "out of memory");
	else
		handshake_ready(&cs->watch, 0);
}

void client_dial(struct client *c, struct flow *f)
{
	struct client_session *cs = calloc(1, sizeof(*cs));
	const struct config_outbound *cfg = c->o.config;

	if (!cs) {
		if (f)
			f->ops->failed(f, -ENOMEM, "out of memory");
		else
			client_pool_warmed(c, false);
		return;
	}
	cs->c = c;
	cs->first = f;
	cs->warming = !f;
	cs->entry.seq = atomic_fetch_add(&c->o.shared->next_seq, 1);
	cs->dial.done = dialed;
	list_push_back(&c->sessions, &cs->in_client);
	if (f)
		f->pending = &cs->first;
	if (dial_name(&cs->dial, c->o.w->loop, c->o.w->resolver, &c->dial, cfg->server,
		      cfg->server_port) < 0)
		attempt_failed(cs, -ENOMEM, "out of memory");
}
