// SPDX-License-Identifier: GPL-2.0-or-later
// The race of connection attempts: when each starts, who wins, what is reported when nobody does.
#include "io/dial.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "io/dial_socket.h"

#define ATTEMPTS_MAX	  8
#define TIMEOUT_MS	  5000
#define FALLBACK_DELAY_MS 250

struct attempt {
	struct watcher w; /* fd -1: not started, or over */
	struct dial_state *state;
};

/* Outlives its struct dial by the rest of the batch, so that stale events find it. */
struct dial_state {
	struct dial *dial; /* NULL once it is over */
	struct loop *loop;
	struct dial_opts opts;
	char interface[IFNAMSIZ];
	struct resolve question;
	struct timer limit, next;
	struct task begin;
	struct deferred dead;
	union sockaddr_any addrs[ATTEMPTS_MAX];
	struct attempt attempts[ATTEMPTS_MAX];
	unsigned n, started, active;
	int err; /* the most telling failure so far */
};

static void release(struct deferred *d)
{
	free(container_of(d, struct dial_state, dead));
}

/* Ends everything but the callback. */
static void teardown(struct dial_state *s)
{
	s->dial->state = NULL;
	s->dial = NULL;
	resolve_cancel(&s->question);
	loop_disarm(s->loop, &s->limit);
	loop_disarm(s->loop, &s->next);
	loop_unpost(s->loop, &s->begin);
	for (unsigned i = 0; i < s->started; i++) {
		loop_forget(s->loop, &s->attempts[i].w);
		fd_close(fd_take(&s->attempts[i].w.fd));
	}
	loop_defer(s->loop, &s->dead, release);
}

static void finish(struct dial_state *s, int err, int fd)
{
	struct dial *d = s->dial;

	teardown(s);
	d->done(d, err, fd);
}

/* A missing family says least about the destination, a refusal says most. */
static int telling(int err)
{
	switch (err) {
	case 0:
		return 0;
	case -ENETUNREACH:
	case -EADDRNOTAVAIL:
	case -EAFNOSUPPORT:
		return 1;
	case -EHOSTUNREACH:
		return 3;
	case -ETIMEDOUT:
		return 4;
	case -ECONNREFUSED:
	case -ECONNRESET:
		return 5;
	default:
		return 2;
	}
}

static void note_failure(struct dial_state *s, int err)
{
	if (telling(err) > telling(s->err))
		s->err = err;
}

static void start_next(struct dial_state *s);

static void next_due(struct timer *t)
{
	start_next(container_of(t, struct dial_state, next));
}

static void attempt_ready(struct watcher *w, uint32_t events)
{
	struct attempt *a = container_of(w, struct attempt, w);
	struct dial_state *s = a->state;
	int err = dial_socket_error(w->fd);

	if (err == 0 && !(events & EPOLLOUT))
		return;
	loop_forget(s->loop, w);
	if (err == 0) {
		finish(s, 0, fd_take(&w->fd));
		return;
	}
	fd_close(fd_take(&w->fd));
	s->active--;
	note_failure(s, err);
	start_next(s);
}

static int start_attempt(struct dial_state *s)
{
	struct attempt *a = &s->attempts[s->started];
	const union sockaddr_any *addr = &s->addrs[s->started++];
	int fd = -1, err;

	*a = (struct attempt){ .w = { .fd = -1, .ready = attempt_ready }, .state = s };
	err = dial_socket_connect(&s->opts, addr, &fd);
	if (err < 0)
		return err;
	a->w.fd = fd;
	/* a connection that stands already is reported by the first edge */
	err = loop_watch(s->loop, &a->w, EPOLLOUT);
	if (err < 0) {
		fd_close(fd_take(&a->w.fd));
		return err;
	}
	s->active++;
	return 0;
}

/* Starts the next attempt that does not fail on the spot; reports when none is left. */
static void start_next(struct dial_state *s)
{
	bool under_way = false;

	loop_disarm(s->loop, &s->next);
	while (!under_way && s->started < s->n) {
		int err = start_attempt(s);

		note_failure(s, err);
		under_way = err == 0;
	}
	if (s->active == 0)
		finish(s, s->err, -1);
	else if (s->started < s->n &&
		 loop_arm(s->loop, &s->next, s->opts.fallback_delay_ms, next_due) < 0)
		note_failure(s, -ENOMEM); /* the next one starts when this one fails */
}

/* RFC 8305 section 4: families take turns, beginning with that of the first address. */
static void interleave(struct dial_state *s, const union sockaddr_any *addrs, unsigned n)
{
	sa_family_t first = addrs[0].sa.sa_family;
	unsigned i = 0, j = 0;

	while (s->n < ATTEMPTS_MAX && s->n < n) {
		while (i < n && addrs[i].sa.sa_family != first)
			i++;
		if (i < n)
			s->addrs[s->n++] = addrs[i++];
		while (j < n && addrs[j].sa.sa_family == first)
			j++;
		if (j < n && s->n < ATTEMPTS_MAX)
			s->addrs[s->n++] = addrs[j++];
	}
}

static void answered(struct resolve *q, int err, const union sockaddr_any *addrs, unsigned n)
{
	struct dial_state *s = container_of(q, struct dial_state, question);

	if (err < 0) {
		finish(s, err, -1);
		return;
	}
	interleave(s, addrs, n);
	start_next(s);
}

static void begin(struct task *t)
{
	start_next(container_of(t, struct dial_state, begin));
}

static void limit_reached(struct timer *t)
{
	struct dial_state *s = container_of(t, struct dial_state, limit);

	note_failure(s, -ETIMEDOUT);
	finish(s, s->err, -1);
}

static struct dial_state *state_new(struct dial *d, struct loop *l, const struct dial_opts *opts)
{
	struct dial_state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->dial = d;
	s->loop = l;
	s->opts = *opts;
	if (!s->opts.timeout_ms)
		s->opts.timeout_ms = TIMEOUT_MS;
	if (!s->opts.fallback_delay_ms)
		s->opts.fallback_delay_ms = FALLBACK_DELAY_MS;
	if (opts->bind_interface) {
		strncpy(s->interface, opts->bind_interface, sizeof(s->interface) - 1);
		s->opts.bind_interface = s->interface;
	}
	if (loop_arm(l, &s->limit, s->opts.timeout_ms, limit_reached) < 0) {
		free(s);
		return NULL;
	}
	d->state = s;
	return s;
}

int dial_name(struct dial *d, struct loop *l, struct resolver *r, const struct dial_opts *opts,
	      const char *name, uint16_t port)
{
	struct dial_state *s = state_new(d, l, opts);

	if (!s)
		return -ENOMEM;
	s->question.answered = answered;
	resolve_start(r, &s->question, name, port);
	return 0;
}

int dial_addr(struct dial *d, struct loop *l, const struct dial_opts *opts,
	      const union sockaddr_any *addr)
{
	struct dial_state *s = state_new(d, l, opts);

	if (!s)
		return -ENOMEM;
	s->addrs[0] = *addr;
	sockaddr_unmap(&s->addrs[0]);
	s->n = 1;
	loop_post(l, &s->begin, begin); /* even an immediate failure is reported after we return */
	return 0;
}

void dial_cancel(struct dial *d)
{
	if (d->state)
		teardown(d->state);
}
