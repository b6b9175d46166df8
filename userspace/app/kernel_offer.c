// SPDX-License-Identifier: GPL-2.0-or-later
// Which sessions' records the kernel gets: what was asked for, what it can do, and the switch.
#include "app/kernel_offer.h"

#include <errno.h>
#include <stdio.h>

#include "app/link_engine.h"

static const enum kernel_feature tx_of[TLS_SUITES] = { KERNEL_TX_AES_128, KERNEL_TX_AES_256,
						       KERNEL_TX_CHACHA };
static const enum kernel_feature rx_of[TLS_SUITES] = { KERNEL_RX_AES_128, KERNEL_RX_AES_256,
						       KERNEL_RX_CHACHA };

/* The first of the features that this kernel has, or one that tells why it has none. */
static const struct kernel_result *best(const struct kernel_report *k,
					const enum kernel_feature features[TLS_SUITES])
{
	for (unsigned i = 0; i < TLS_SUITES; i++)
		if (k->of[features[i]].verdict == KERNEL_YES)
			return &k->of[features[i]];
	return &k->of[features[0]];
}

static int check_tls(const struct program *p, const char *tag, const struct config_tls *tls,
		     char *why, size_t why_len)
{
	const struct kernel_result *tx = best(&p->kernel, tx_of), *rx = best(&p->kernel, rx_of);
	bool no_tx = tls->kernel_tx == CONFIG_KERNEL_REQUIRED && tx->verdict != KERNEL_YES;
	bool no_rx = tls->kernel_rx == CONFIG_KERNEL_REQUIRED && rx->verdict != KERNEL_YES;

	if (!tls->enabled || !(no_tx || no_rx))
		return 0;
	snprintf(why, why_len, "%s: %s is required, but this kernel cannot do it: %s", tag,
		 no_tx ? "kernel_tx" : "kernel_rx", no_tx ? tx->why : rx->why);
	return -EOPNOTSUPP;
}

int kernel_offer_check(const struct program *p, char *why, size_t why_len)
{
	const struct config *c = p->config;
	int err = 0;

	for (size_t i = 0; i < c->n_inbounds && !err; i++)
		err = check_tls(p, c->inbounds[i].tag, &c->inbounds[i].tls, why, why_len);
	for (size_t i = 0; i < c->n_outbounds && !err; i++)
		err = check_tls(p, c->outbounds[i].tag, &c->outbounds[i].tls, why, why_len);
	return err;
}

/* "auto" is no: records of our own were never dearer (docs/PERFORMANCE.md). */
static bool wanted(const struct program *p, enum config_kernel asked)
{
	return asked == CONFIG_KERNEL_REQUIRED &&
	       !atomic_load_explicit(&p->kernel_tls_off, memory_order_relaxed);
}

/* Why the kernel is not to have records of this suite; NULL: it may. */
static const char *unfit(const struct kernel_report *k,
			 const enum kernel_feature features[TLS_SUITES], int suite)
{
	const struct kernel_result *r = &k->of[features[suite - TLS_SUITE_AES_128_GCM]];

	return r->verdict == KERNEL_YES ? NULL : r->why;
}

void kernel_offer(struct link *l, struct worker *w, struct wire *wire, const struct config_tls *tls)
{
	const struct kernel_report *k = &w->program->kernel;
	int suite = wire_suite(wire);
	const struct wire_kernel_opts o = {
		.tx = suite && wanted(w->program, tls->kernel_tx),
		.rx = suite && wanted(w->program, tls->kernel_rx),
		.no_pad = k->of[KERNEL_NO_PAD].verdict == KERNEL_YES,
		.rekey_tx = k->of[KERNEL_REKEY_TX].verdict == KERNEL_YES,
	};

	l->kernel_tx_due = o.tx;
	l->kernel_rx_due = o.rx;
	l->copies_in = o.rx && k->of[KERNEL_SPLICE_TLS].verdict != KERNEL_YES;
	l->kernel_unfit = o.tx ? unfit(k, tx_of, suite) : NULL;
	if (!l->kernel_unfit && o.rx)
		l->kernel_unfit = unfit(k, rx_of, suite);
	if (!l->kernel_unfit && wire_to_kernel(wire, &o) < 0)
		log_warn(l->tag, "out of memory: its records stay in userspace");
}

const char *kernel_offer_follow(struct link *l)
{
	struct state_counters *c = &l->w->counters;
	enum wire_place tx, rx;
	const char *refused;

	if (!l->kernel_tx_due && !l->kernel_rx_due)
		return NULL;
	refused = l->kernel_unfit ? l->kernel_unfit : wire_kernel_refusal(l->wire);
	if (refused)
		count(&c->kernel_refused, 1);
	wire_places(l->wire, &tx, &rx);
	if (l->kernel_tx_due && tx == WIRE_KERNEL)
		count(&c->sessions_kernel_tx, 1);
	else if (!(l->kernel_rx_due && rx == WIRE_KERNEL))
		return refused;
	if (l->kernel_rx_due && rx == WIRE_KERNEL)
		count(&c->sessions_kernel_rx, 1);
	l->kernel_tx_due &= tx != WIRE_KERNEL;
	l->kernel_rx_due &= rx != WIRE_KERNEL;
	link_show_engine(l);
	return refused;
}
