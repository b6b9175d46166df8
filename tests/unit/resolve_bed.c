// SPDX-License-Identifier: GPL-2.0-or-later
// Asking, waiting and recording for the tests of the resolver.
#include "resolve_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define START_MS 1000000

static void answered(struct resolve *q, int err, const union sockaddr_any *addrs, unsigned n)
{
	struct probe *p = container_of(q, struct probe, q);

	p->answers++;
	p->err = err;
	p->n = n;
	if (n)
		memcpy(p->addrs, addrs, n * sizeof(*addrs));
	if (p->cancel)
		resolve_cancel(&p->cancel->q);
	if (p->again) {
		const char *name = p->again;

		p->again = NULL;
		resolve_start(p->bed->resolver, q, name, 1);
	}
	if (p->free_resolver) {
		resolver_free(p->bed->resolver);
		p->bed->resolver = NULL;
	}
	if (p->free_self)
		free(p);
}

void bed_ask(struct bed *b, struct probe *p, const char *name)
{
	p->bed = b;
	p->q.answered = answered;
	resolve_start(b->resolver, &p->q, name, 443);
}

void bed_settle(struct bed *b)
{
	for (int i = 0; i < 12; i++)
		loop_turn(b->loop, 1);
}

void bed_wait_answer(struct bed *b, const struct probe *p)
{
	for (int i = 0; i < 1000 && !p->answers; i++)
		loop_turn(b->loop, 100);
	assert_int_equal(p->answers, 1);
}

void bed_advance(struct bed *b, uint64_t ms)
{
	clock_freeze_ms(clock_now_ms() + ms);
	bed_settle(b);
}

const char *bed_text(const struct probe *p, unsigned i)
{
	static char out[SOCKADDR_TEXT_MAX];

	assert_true(i < p->n);
	return sockaddr_text(&p->addrs[i], out);
}

void bed_use_opts(struct bed *b, struct resolve_opts opts)
{
	resolver_free(b->resolver);
	opts.servers = fake_dns_server(b->dns);
	b->resolver = resolver_new(b->loop, &opts);
	assert_non_null(b->resolver);
}

int bed_set_up(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	clock_freeze_ms(START_MS);
	b->loop = loop_new();
	b->dns = fake_dns_new(b->loop);
	/* long enough never to matter unless a test says so */
	bed_use_opts(b, (struct resolve_opts){ .timeout_ms = 60000 });
	*state = b;
	return 0;
}

int bed_tear_down(void **state)
{
	struct bed *b = *state;

	resolver_free(b->resolver);
	fake_dns_free(b->dns);
	loop_free(b->loop);
	free(b);
	clock_freeze_ms(0);
	return 0;
}
