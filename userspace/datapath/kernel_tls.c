// SPDX-License-Identifier: GPL-2.0-or-later
// Self-tests of kernel TLS: records that it makes, records that it opens, and the next key.
#include "datapath/kernel_impl.h"

#include <errno.h>
#include <string.h>

#define START_SEQ 0x100000002 /* so that all of the number counts */

/* A control record among data, a record as long as can be, one as short as can be. */
static const struct kernel_record first[] = {
	{ RECORD_DATA, 1000, 0 },
	{ RECORD_HANDSHAKE, 40, 0 },
	{ RECORD_DATA, RECORD_DATA_MAX, 0 },
	{ RECORD_DATA, 1, 0 },
};
static const struct kernel_record last[] = {
	{ RECORD_DATA, 5000, 0 },
	{ RECORD_ALERT, 2, 0 },
};
/* What a peer may send as well. */
static const struct kernel_record padded[] = {
	{ RECORD_DATA, 1000, 0 },
	{ RECORD_DATA, 900, 100 },
	{ RECORD_DATA, 1100, 0 },
	{ RECORD_ALERT, 2, 30 },
};

static const struct kernel_record key_update[] = { { RECORD_HANDSHAKE, 5, 0 } };

int kernel_with_tls(struct kernel_bed *b, enum ktls_dir dir,
		    int (*run)(struct kernel_bed *b, struct kernel_tls *t))
{
	struct kernel_tls t = { .pair = KERNEL_NO_PAIR, .dir = dir };
	int err;

	b->doing = "connection";
	err = kernel_pair_open(b, &t.pair);
	if (err)
		return err;
	memset(t.keys.secret, 0x5a, tls_secret_len(b->suite));
	err = tls_half_install(b->rc.kdf, b->suite, &t.keys);
	if (!err) {
		t.keys.seq = START_SEQ;
		record_dir_init(&t.peer, b->suite, &t.keys, dir == KTLS_RX);
		err = run(b, &t);
		record_dir_done(&b->rc, &t.peer);
	}
	kernel_pair_close(&t.pair);
	return err;
}

int kernel_arm(struct kernel_bed *b, struct kernel_tls *t)
{
	int err;

	b->doing = "TCP_ULP tls";
	err = ktls_attach(t->pair.us);
	if (err)
		return err;
	b->doing = t->dir == KTLS_TX ? "TLS_TX" : "TLS_RX";
	err = ktls_install(t->pair.us, t->dir, b->suite, &t->keys);
	if (!err)
		b->accepted = true;
	return err;
}

static int kernel_to_peer(struct kernel_bed *b, struct kernel_tls *t, struct kernel_script s)
{
	int err = kernel_ktls_send(b, t->pair.us, s);

	return err ? err : kernel_get_records(b, t->pair.them, &t->peer, s);
}

static int peer_to_kernel(struct kernel_bed *b, struct kernel_tls *t, struct kernel_script s)
{
	int err = kernel_put_records(b, t->pair.them, -1, &t->peer, s);

	return err ? err : kernel_ktls_recv(b, t->pair.us, s);
}

static int make_records(struct kernel_bed *b, struct kernel_tls *t)
{
	uint64_t seq = 0;
	int err = kernel_arm(b, t);

	if (err)
		return err;
	b->doing = "records it made";
	err = kernel_to_peer(b, t, KERNEL_SCRIPT(first));
	if (!err)
		err = kernel_to_peer(b, t, KERNEL_SCRIPT(last));
	if (err)
		return err;
	b->doing = "number of the next record";
	err = ktls_seq(t->pair.us, KTLS_TX, b->suite, &seq);
	return err ? err : seq == t->peer.keys.seq ? 0 : -EILSEQ;
}

int kernel_test_tx(struct kernel_bed *b)
{
	return kernel_with_tls(b, KTLS_TX, make_records);
}

/* The first records are there before the kernel knows the key, as after a handshake. */
static int open_records(struct kernel_bed *b, struct kernel_tls *t)
{
	int err = kernel_put_records(b, t->pair.them, t->pair.us, &t->peer, KERNEL_SCRIPT(first));

	if (!err)
		err = kernel_arm(b, t);
	if (err)
		return err;
	b->doing = "records it opened";
	err = kernel_ktls_recv(b, t->pair.us, KERNEL_SCRIPT(first));
	if (!err)
		err = peer_to_kernel(b, t, KERNEL_SCRIPT(last));
	if (err)
		return err;
	b->doing = "padded records";
	return peer_to_kernel(b, t, KERNEL_SCRIPT(padded));
}

int kernel_test_rx(struct kernel_bed *b)
{
	return kernel_with_tls(b, KTLS_RX, open_records);
}

/* The kernel's side of a KeyUpdate: the next key, before any of its records. */
static int next_key(struct kernel_bed *b, struct kernel_tls *t)
{
	int err = tls_half_update(b->rc.kdf, b->suite, &t->keys);

	b->doing = "second key";
	b->accepted = false; /* again it may say no */
	if (!err)
		err = ktls_install(t->pair.us, t->dir, b->suite, &t->keys);
	if (!err)
		b->accepted = true;
	return err;
}

static int rekey_tx(struct kernel_bed *b, struct kernel_tls *t)
{
	int err = kernel_arm(b, t);

	if (err)
		return err;
	b->doing = "records before the KeyUpdate";
	err = kernel_to_peer(b, t, KERNEL_SCRIPT(first));
	if (!err)
		err = kernel_to_peer(b, t, KERNEL_SCRIPT(key_update));
	if (!err)
		err = record_dir_update(&b->rc, &t->peer);
	if (!err)
		err = next_key(b, t);
	if (err)
		return err;
	b->doing = "records after the KeyUpdate";
	return kernel_to_peer(b, t, KERNEL_SCRIPT(first));
}

int kernel_test_rekey_tx(struct kernel_bed *b)
{
	return kernel_with_tls(b, KTLS_TX, rekey_tx);
}

/* All of it lies in the socket at once, so the kernel must stop at the KeyUpdate by itself. */
static int rekey_rx(struct kernel_bed *b, struct kernel_tls *t)
{
	int err = kernel_arm(b, t);

	if (err)
		return err;
	b->doing = "records before the KeyUpdate";
	err = kernel_put_records(b, t->pair.them, -1, &t->peer, KERNEL_SCRIPT(first));
	if (!err)
		err = kernel_put_records(b, t->pair.them, -1, &t->peer, KERNEL_SCRIPT(key_update));
	if (!err)
		err = record_dir_update(&b->rc, &t->peer);
	if (!err)
		err = kernel_put_records(b, t->pair.them, -1, &t->peer, KERNEL_SCRIPT(last));
	if (!err)
		err = kernel_ktls_recv(b, t->pair.us, KERNEL_SCRIPT(first));
	if (!err)
		err = kernel_ktls_recv(b, t->pair.us, KERNEL_SCRIPT(key_update));
	if (!err)
		err = next_key(b, t);
	if (err)
		return err;
	b->doing = "records after the KeyUpdate";
	return kernel_ktls_recv(b, t->pair.us, KERNEL_SCRIPT(last));
}

int kernel_test_rekey_rx(struct kernel_bed *b)
{
	return kernel_with_tls(b, KTLS_RX, rekey_rx);
}
