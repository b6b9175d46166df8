/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this kernel can do for us, found out by doing it: short self-tests over loopback sockets,
 * with records of our own making at the other end. Versions say nothing: point releases differ.
 */
#ifndef DATAPATH_KERNEL_H
#define DATAPATH_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

enum kernel_feature {
	KERNEL_TX_AES_128, /* the kernel makes TLS 1.3 records */
	KERNEL_TX_AES_256,
	KERNEL_TX_CHACHA,
	KERNEL_RX_AES_128, /* the kernel opens TLS 1.3 records */
	KERNEL_RX_AES_256,
	KERNEL_RX_CHACHA,
	KERNEL_REKEY_TX,      /* and takes the next key of a KeyUpdate */
	KERNEL_REKEY_RX,      /* the same for what is received */
	KERNEL_NO_PAD,	      /* TLS_RX_EXPECT_NO_PAD, also when a peer pads */
	KERNEL_SPLICE_TLS,    /* from kernel TLS into an empty pipe of the default size */
	KERNEL_BPF,	      /* programs, and arrays mapped into memory */
	KERNEL_SK_LOOKUP,     /* run on a made-up packet; not attached */
	KERNEL_SK_MSG,	      /* redirects what is sent to another socket */
	KERNEL_SK_MSG_SPLICE, /* one run a splice(), so that the program knows its place in it */
	KERNEL_FEATURES
};

enum kernel_verdict {
	KERNEL_NO,     /* the kernel refuses, or this process may not */
	KERNEL_YES,    /* it did what we rely on */
	KERNEL_BROKEN, /* it accepts, and then does something else */
};

struct kernel_result {
	enum kernel_verdict verdict;
	char why[96]; /* one reason; with KERNEL_YES a caveat, or "" */
};

struct kernel_report {
	struct kernel_result of[KERNEL_FEATURES];
	char aes_driver[64]; /* of gcm(aes), as /proc/crypto names it; "" where it has none */
	bool aes_fast; /* it uses the processor's instructions: the others are 4-6 times slower */
	char release[65]; /* of the kernel */
	uint32_t took_us;
};

/*
 * Runs all of them: some 10 ms, and up to a few seconds where modules are loaded or the kernel
 * fails us. Leaves no descriptor open. May make the kernel load modules (tls, AES instructions) if
 * the process is allowed to. To be called before the process gives up its rights, and with one
 * thread: it silences libbpf for the time. 0, -ENOMEM, or -errno where not even a loopback socket
 * can be had.
 */
int kernel_probe(struct kernel_report *ret);

/* Stable names for programs: "tls_tx_aes_128_gcm", ... */
const char *kernel_feature_name(enum kernel_feature f);
/* The same for people. */
const char *kernel_feature_text(enum kernel_feature f);
/* "no", "yes", "broken". */
const char *kernel_verdict_name(enum kernel_verdict v);

#endif
