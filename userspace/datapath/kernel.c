// SPDX-License-Identifier: GPL-2.0-or-later
// The probe as a whole: which tests there are, in which order, and what their ends mean.
#include "datapath/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/libbpf.h>

#include "datapath/kernel_impl.h"

/*
 * For all waits together; each is over at once where the kernel works. System calls that load
 * modules take their own time, some seconds on a slow machine.
 */
#define PROBE_WAIT_US 3000000

static const struct feature {
	const char *name, *text;
	kernel_test *test;
	enum tls_suite suite; /* 0: not about TLS */
} features[KERNEL_FEATURES] = {
	[KERNEL_TX_AES_128] = { "tls_tx_aes_128_gcm", "send TLS, AES-128-GCM", kernel_test_tx,
				TLS_SUITE_AES_128_GCM },
	[KERNEL_TX_AES_256] = { "tls_tx_aes_256_gcm", "send TLS, AES-256-GCM", kernel_test_tx,
				TLS_SUITE_AES_256_GCM },
	[KERNEL_TX_CHACHA] = { "tls_tx_chacha20_poly1305", "send TLS, ChaCha20-Poly1305",
			       kernel_test_tx, TLS_SUITE_CHACHA20_POLY1305 },
	[KERNEL_RX_AES_128] = { "tls_rx_aes_128_gcm", "receive TLS, AES-128-GCM", kernel_test_rx,
				TLS_SUITE_AES_128_GCM },
	[KERNEL_RX_AES_256] = { "tls_rx_aes_256_gcm", "receive TLS, AES-256-GCM", kernel_test_rx,
				TLS_SUITE_AES_256_GCM },
	[KERNEL_RX_CHACHA] = { "tls_rx_chacha20_poly1305", "receive TLS, ChaCha20-Poly1305",
			       kernel_test_rx, TLS_SUITE_CHACHA20_POLY1305 },
	[KERNEL_REKEY_TX] = { "tls_rekey_tx", "change the key it sends with", kernel_test_rekey_tx,
			      TLS_SUITE_AES_128_GCM },
	[KERNEL_REKEY_RX] = { "tls_rekey_rx", "change the key it receives with",
			      kernel_test_rekey_rx, TLS_SUITE_AES_128_GCM },
	[KERNEL_NO_PAD] = { "tls_rx_expect_no_pad", "decrypt into the reader's memory",
			    kernel_test_no_pad, TLS_SUITE_AES_128_GCM },
	[KERNEL_SPLICE_TLS] = { "tls_splice", "splice from TLS", kernel_test_splice,
				TLS_SUITE_AES_128_GCM },
	[KERNEL_BPF] = { "bpf", "BPF programs, mapped arrays", kernel_test_bpf, 0 },
	[KERNEL_SK_LOOKUP] = { "sk_lookup", "choose a listener by sk_lookup", kernel_test_sk_lookup,
			       0 },
	[KERNEL_SK_MSG] = { "sk_msg", "redirect by sk_msg", kernel_test_sk_msg, 0 },
	[KERNEL_SK_MSG_SPLICE] = { "sk_msg_splice", "splice into sk_msg", kernel_test_sk_msg_splice,
				   0 },
};

const char *kernel_feature_name(enum kernel_feature f)
{
	return features[f].name;
}

const char *kernel_feature_text(enum kernel_feature f)
{
	return features[f].text;
}

const char *kernel_verdict_name(enum kernel_verdict v)
{
	static const char *const names[] = {
		[KERNEL_NO] = "no",
		[KERNEL_YES] = "yes",
		[KERNEL_BROKEN] = "broken",
	};

	return names[v];
}

/* What a test's error means, in words that fit behind what was being done. */
static const char *error_text(int err)
{
	switch (-err) {
	case EILSEQ:
		return "other bytes than were sent";
	case ETIMEDOUT:
		return "nothing came of it in time";
	default:
		return strerror(-err);
	}
}

static void judge(struct kernel_bed *b, const struct feature *f, struct kernel_result *ret)
{
	int err;

	b->suite = f->suite;
	b->doing = b->caveat = "";
	b->accepted = false;
	err = f->test(b);
	if (err) {
		ret->verdict = b->accepted ? KERNEL_BROKEN : KERNEL_NO;
		snprintf(ret->why, sizeof(ret->why), "%s: %s", b->doing, error_text(err));
		return;
	}
	ret->verdict = KERNEL_YES;
	snprintf(ret->why, sizeof(ret->why), "%s", b->caveat);
}

/* What kernel TLS costs is part of whether one wants it. */
static void warn_slow_aes(struct kernel_report *r)
{
	static const enum kernel_feature aes[] = { KERNEL_TX_AES_128, KERNEL_TX_AES_256,
						   KERNEL_RX_AES_128, KERNEL_RX_AES_256 };

	for (unsigned i = 0; i < sizeof(aes) / sizeof(aes[0]) && !r->aes_fast; i++)
		if (r->of[aes[i]].verdict == KERNEL_YES)
			snprintf(r->of[aes[i]].why, sizeof(r->of[aes[i]].why),
				 "slow: no AES instructions used (is aesni_intel loaded?)");
}

int kernel_probe(struct kernel_report *ret)
{
	const uint64_t begin = kernel_now_us();
	struct kernel_report r = { 0 };
	libbpf_print_fn_t print;
	struct utsname uts;
	struct kernel_bed b;
	int err = kernel_bed_open(&b);

	if (err)
		return err;
	b.patience_us = PROBE_WAIT_US;
	print = libbpf_set_print(NULL);
	for (unsigned f = 0; f < KERNEL_FEATURES; f++) {
		judge(&b, &features[f], &r.of[f]);
		if (f == KERNEL_TX_AES_128 && r.of[f].verdict == KERNEL_YES)
			kernel_find_aes(&r);
	}
	libbpf_set_print(print);
	kernel_bed_close(&b);
	warn_slow_aes(&r);
	if (uname(&uts) == 0)
		snprintf(r.release, sizeof(r.release), "%s", uts.release);
	r.took_us = (uint32_t)(kernel_now_us() - begin);
	*ret = r;
	return 0;
}
