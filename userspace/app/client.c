// SPDX-License-Identifier: GPL-2.0-or-later
// The anytls outbound as the router sees it.
#include "app/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/uot_end.h"
#include "base/clock.h"
#include "base/rng.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LAST_MS	 60000

struct outbound_shared *outbound_shared_new(const struct config_outbound *c, char *why,
					    size_t why_len)
{
	struct outbound_shared *s = calloc(1, sizeof(*s));

	if (!s || scheme_new(padding_default, strlen(padding_default), &s->scheme.current) < 0) {
		snprintf(why, why_len, "out of memory");
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->scheme.lock, NULL);
	s->config = c;
	return s;
}

void outbound_shared_free(struct outbound_shared *s)
{
	if (!s)
		return;
	scheme_unref(s->scheme.current);
	pthread_mutex_destroy(&s->scheme.lock);
	free(s);
}

void client_backoff(struct client *c, const char *why)
{
	struct outbound_shared *s = c->o.shared;
	uint32_t n = atomic_fetch_add(&s->failures, 1);
	uint64_t delay = n < 6 ? BACKOFF_FIRST_MS << n : BACKOFF_LAST_MS;

	/* half of it at random, so that many clients do not come back as one */
	delay = delay / 2 + rng_range(0, (uint32_t)delay / 2 + 1);
	atomic_store(&s->retry_at_ms, clock_now_ms() + delay);
	log_warn(c->o.config->tag, "%s:%u: %s; next try in %llu ms", c->o.config->server,
		 c->o.config->server_port, why, (unsigned long long)delay);
}

void client_backoff_over(struct client *c)
{
	if (atomic_load_explicit(&c->o.shared->failures, memory_order_relaxed) == 0)
		return;
	atomic_store(&c->o.shared->failures, 0);
	atomic_store(&c->o.shared->retry_at_ms, 0);
}

/* Being made for a flow that has been given up since. */
static struct client_session *unclaimed(struct client *c)
{
	list_for_each (it, &c->sessions) {
		struct client_session *cs = container_of(it, struct client_session, in_client);

		if (cs->phase != CLIENT_READY && !cs->first && !cs->warming)
			return cs;
	}
	return NULL;
}

static bool claim(struct client *c, struct flow *f)
{
	struct client_session *cs = c->n_given_up > 0 ? unclaimed(c) : NULL;

	if (!cs) {
		c->n_given_up = 0;
		return false;
	}
	c->n_given_up--;
	cs->first = f;
	f->pending = &cs->first;
	return true;
}

static void client_connect(struct outbound *o, struct flow *f)
{
	struct client *c = client_of(o);
	struct client_session *cs = client_pool_take(c);

	atomic_store_explicit(&o->shared->used, true, memory_order_relaxed);
	if (cs) {
		client_stream_open(cs, f);
		client_pool_warm(c);
		return;
	}
	if (atomic_load(&o->shared->retry_at_ms) > loop_now_ms(o->w->loop)) {
		f->ops->failed(f, -ECONNREFUSED, "waiting because the server refused us");
		return;
	}
	if (!claim(c, f))
		client_dial(c, f);
	client_pool_warm(c);
}

static void client_cancel(struct outbound *o, struct flow *f)
{
	if (f->pending) {
		*f->pending = NULL;
		client_of(o)->n_given_up++;
	}
	f->pending = NULL;
}

static struct packets *client_packets(struct outbound *o, const struct flow *f, bool connected,
				      uint32_t timeout_ms)
{
	(void)connected;
	return uot_client_new(o, f, timeout_ms);
}

static struct worker *better_worker(struct outbound *o)
{
	struct program *p = o->w->program;

	if (atomic_load_explicit(&o->shared->idle[o->w->id], memory_order_relaxed) > 0)
		return NULL;
	for (unsigned i = 0; i < p->n_workers; i++)
		if (atomic_load_explicit(&o->shared->idle[i], memory_order_relaxed) > 0)
			return &p->workers[i];
	return NULL;
}

static void client_part(struct outbound *o)
{
	client_pool_part(client_of(o));
}

static void client_drain(struct outbound *o)
{
	struct client *c = client_of(o);
	struct client_session *cs;

	client_pool_stop(c);
	while ((cs = client_pool_take(c)))
		if (list_empty(&cs->l.streams)) /* else it ends with its last one */
			client_session_end(cs, -ECANCELED, "shutting down");
}

static void client_free(struct outbound *o)
{
	struct client *c = client_of(o);

	client_pool_stop(c);
	while (!list_empty(&c->sessions))
		client_session_end(container_of(c->sessions.next, struct client_session, in_client),
				   -ECANCELED, "shutting down");
	tls_client_free(c->tls);
	free(c);
}

static const struct outbound_ops client_ops = {
	.connect = client_connect,
	.cancel = client_cancel,
	.packets = client_packets,
	.better_worker = better_worker,
	.part = client_part,
	.drain = client_drain,
	.free = client_free,
};

static struct tls_client *build_tls(const struct config_outbound *c, char *why, size_t why_len)
{
	const struct config_tls *t = &c->tls;

	return tls_client_new(
		&(struct tls_client_opts){
			.server_name = t->server_name ? t->server_name : c->server,
			.disable_sni = t->disable_sni,
			.insecure = t->insecure,
			.ca_pem = t->ca_pem,
			.pins = (const uint8_t(*)[32])t->pins,
			.n_pins = t->n_pins,
			.alpn = (const char *const *)t->alpn,
			.n_alpn = t->n_alpn,
			.min_version = t->min_version,
			.max_version = t->max_version,
			.cipher_suites = t->cipher_suites,
			.groups = t->groups,
			.cert_pem = t->n_pairs ? t->pairs[0].cert_pem : NULL,
			.key_pem = t->n_pairs ? t->pairs[0].key_pem : NULL,
		},
		why, why_len);
}

struct outbound *client_new(struct worker *w, const struct config_outbound *config,
			    struct outbound_shared *shared, char *why, size_t why_len)
{
	struct client *c = calloc(1, sizeof(*c));

	snprintf(why, why_len, "out of memory");
	if (!c)
		return NULL;
	c->o = (struct outbound){ .ops = &client_ops, .config = config, .shared = shared, .w = w };
	c->dial = dial_opts_from(&config->dial);
	pool_init(&c->pool);
	list_init(&c->sessions);
	c->tls = build_tls(config, why, why_len);
	if (!c->tls) {
		free(c);
		return NULL;
	}
	client_pool_start(c);
	return &c->o;
}
