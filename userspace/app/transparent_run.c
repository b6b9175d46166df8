// SPDX-License-Identifier: GPL-2.0-or-later
// Answers that follow each other to one client leave together.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/transparent_udp.h"

bool udp_run_init(struct transparent_udp *u)
{
	u->run.data = malloc(DATAGRAM_RUN_MAX);
	return u->run.data;
}

void udp_run_done(struct transparent_udp *u)
{
	loop_unpost(u->w->loop, &u->run.flush);
	free(u->run.data);
}

/* Counts what became of n datagrams; err is negative errno, or 0. */
static void account(struct udp_flow *f, int err, unsigned n)
{
	struct transparent_udp *u = f->a->u;

	if (err == 0)
		count(&u->w->counters.udp_answered, n);
	else
		count(&u->w->counters.udp_dropped, n);
	if (err == -ECONNREFUSED) /* an earlier one: nobody is there any more */
		udp_flow_end(f);
}

static void send_one(struct udp_flow *f, const uint8_t *data, size_t n)
{
	int err;

	if (f->watch.fd < 0)
		err = udp_answer_as(f->a->u, &f->dst, &f->a->client, data, n);
	else
		err = send(f->watch.fd, data, n, MSG_DONTWAIT) < 0 ? -errno : 0;
	account(f, err, 1);
}

static void send_each(struct udp_flow *f, const uint8_t *data, size_t len, size_t each)
{
	for (size_t at = 0; at < len && !f->ended; at += each)
		send_one(f, data + at, len - at < each ? len - at : each);
}

static void send_all(struct udp_flow *f, const struct udp_run *r)
{
	int err;

	if (r->n > 1 && !f->one_by_one) {
		err = datagram_send_run(f->watch.fd, r->data, r->len, r->each);
		if (err == 0 || err == -ECONNREFUSED || err == -EAGAIN) {
			account(f, err, r->n);
			return;
		}
		f->one_by_one = true; /* larger than the path takes whole, for example */
	}
	send_each(f, r->data, r->len, r->each);
}

/* The run is empty before it is sent: that may end the flow, which drops what is in it. */
static void flush(struct transparent_udp *u)
{
	struct udp_run *r = &u->run, sent = *r;

	if (r->n == 0)
		return;
	if (r->n == 1) /* nothing came of waiting */
		r->f = NULL;
	r->n = 0;
	r->len = 0;
	send_all(sent.f, &sent);
}

static void flush_late(struct task *t)
{
	flush(container_of(t, struct transparent_udp, run.flush));
}

/* A run ends with one that is shorter than the others. */
static bool fits(const struct udp_run *r, size_t n)
{
	return r->n == 0 || (n <= r->each && r->len % r->each == 0 && r->n < DATAGRAM_RUN &&
			     r->len + n <= DATAGRAM_RUN_MAX);
}

void udp_run_send(struct udp_flow *f, const uint8_t *data, size_t n)
{
	struct transparent_udp *u = f->a->u;
	struct udp_run *r = &u->run;

	if (r->f != f || n == 0 || !fits(r, n))
		flush(u);
	if (f->ended) {
		udp_drop(u);
		return;
	}
	if (r->f != f || n == 0 || n > DATAGRAM_RUN_MAX || f->watch.fd < 0) {
		r->f = f; /* more may follow */
		send_one(f, data, n);
		return;
	}
	if (r->n == 0) {
		r->each = n;
		loop_post_late(u->w->loop, &r->flush, flush_late);
	}
	memcpy(r->data + r->len, data, n);
	r->len += n;
	r->n++;
}

void udp_run_forget(struct udp_flow *f)
{
	struct transparent_udp *u = f->a->u;

	if (u->run.f != f)
		return;
	count(&u->w->counters.udp_dropped, u->run.n);
	u->run.f = NULL;
	u->run.n = 0;
	u->run.len = 0;
}
