// SPDX-License-Identifier: GPL-2.0-or-later
// Hands the records of a TLS 1.3 session over to the kernel, each direction as soon as it can be.
#include "wire/wire_record_impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/ktls.h"

/* Kernel TLS accepts a record as long as TCP has any room, and keeps what does not fit in a list of
 * its own. With this, that stays small. */
#define NOTSENT_LOWAT (128 * 1024)

static int install(struct wire_record *r, enum ktls_dir dir, const struct record_dir *d)
{
	struct wire_kernel *k = r->kernel;
	int err = 0;

	if (!k->attached)
		err = ktls_attach(r->w.fd);
	k->attached |= err == 0;
	return err ? err : ktls_install(r->w.fd, dir, d->suite, &d->keys);
}

/* The kernel's records follow those of ours that are with TCP already: so none may be queued. */
static void settle_tx(struct wire_record *r)
{
	struct wire_kernel *k = r->kernel;
	int lowat = NOTSENT_LOWAT, err;

	if (!k->o.tx || k->tx || k->tx_refused || r->w.out.len > 0 || r->dead || r->w.fin_due ||
	    r->w.end != WIRE_OPEN)
		return;
	if (r->answer_due && !k->o.rekey_tx) /* we can give the answer, the kernel could not */
		return;
	err = ktls_pushed_exactly(r->w.fd, &k->base);
	if (err == -EAGAIN) /* a base that is too low would have FIN overtake as much */
		return;
	k->tx_refused = err ? err : install(r, KTLS_TX, &r->tx);
	if (k->tx_refused)
		return;
	setsockopt(r->w.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
	k->tx = true;
	k->seq = k->used = r->tx.keys.seq;
	record_dir_rest(&r->w.sh->crypto, &r->tx);
}

bool wire_kernel_rx_due(const struct wire_record *r)
{
	return r->kernel && r->kernel->o.rx && !r->kernel->rx && !r->kernel->rx_refused;
}

/*
 * The kernel begins with a record, so none may have been received in part. Not before the first
 * data: until then a client learns tickets, which only OpenSSL can, from the records.
 */
static void settle_rx(struct wire_record *r)
{
	struct wire_kernel *k = r->kernel;

	if (!wire_kernel_rx_due(r) || r->n_part > 0 || !r->had_data || r->w.end != WIRE_OPEN)
		return;
	k->rx_refused = install(r, KTLS_RX, &r->rx);
	r->one_record = false;
	if (k->rx_refused)
		return;
	k->rx = true;
	r->w.more = true;
	record_dir_rest(&r->w.sh->crypto, &r->rx);
	if (k->o.no_pad)
		ktls_expect_no_pad(r->w.fd);
}

void wire_kernel_settle(struct wire_record *r)
{
	settle_tx(r);
	settle_rx(r);
}

int wire_kernel_rx_update(struct wire_record *r)
{
	int err = ktls_install(r->w.fd, KTLS_RX, r->rx.suite, &r->rx.keys);

	record_dir_rest(&r->w.sh->crypto, &r->rx);
	return err;
}

int wire_to_kernel(struct wire *w, const struct wire_kernel_opts *o)
{
	struct wire_record *r = wire_record_of(w);

	if (w->ops != &wire_record_ops || r->kernel || !(o->tx || o->rx))
		return 0;
	r->kernel = calloc(1, sizeof(*r->kernel));
	if (!r->kernel)
		return -ENOMEM;
	r->kernel->o = *o;
	r->one_record |= o->rx;
	wire_kernel_settle(r);
	return 0;
}

int wire_suite(const struct wire *w)
{
	const struct wire_record *r = (const struct wire_record *)(const void *)w;

	return w->ops == &wire_record_ops ? (int)r->tx.suite : 0;
}

const char *wire_kernel_refusal(const struct wire *w)
{
	static _Thread_local char text[96];
	const struct wire_record *r = (const struct wire_record *)(const void *)w;
	const struct wire_kernel *k = w->ops == &wire_record_ops ? r->kernel : NULL;
	int err = !k ? 0 : k->tx_refused ? k->tx_refused : k->rx_refused;

	if (!err)
		return NULL;
	snprintf(text, sizeof(text), "%s: %s",
		 k->tx_refused && k->rx_refused ? "sending and receiving"
		 : k->tx_refused		? "sending"
						: "receiving",
		 err == -ENOENT ? "no kernel TLS here" : strerror(-err));
	return text;
}

enum wire_wear wire_wear(const struct wire *w)
{
	const struct wire_record *r = (const struct wire_record *)(const void *)w;
	const struct wire_kernel *k = w->ops == &wire_record_ops ? r->kernel : NULL;

	if (!k || !k->tx || k->o.rekey_tx)
		return WIRE_FRESH;
	if (k->spent || r->answer_due)
		return WIRE_SPENT;
	return k->used < w->sh->records_max / 2 ? WIRE_FRESH : WIRE_WORN;
}
