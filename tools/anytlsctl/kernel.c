// SPDX-License-Identifier: GPL-2.0-or-later
// anytlsctl kernel: runs the probe here and now, and prints what it found as a table or as JSON.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "anytlsctl/kernel.h"
#include "datapath/kernel.h"

static void print_table(const struct kernel_report *r)
{
	size_t wide = 0;

	for (unsigned f = 0; f < KERNEL_FEATURES; f++) {
		size_t n = strlen(kernel_feature_text(f));

		wide = n > wide ? n : wide;
	}
	for (unsigned f = 0; f < KERNEL_FEATURES; f++) {
		const struct kernel_result *k = &r->of[f];

		printf("%-*s  %s%*s%s\n", (int)wide, kernel_feature_text(f),
		       kernel_verdict_name(k->verdict),
		       k->why[0] ? 8 - (int)strlen(kernel_verdict_name(k->verdict)) : 0, "",
		       k->why);
	}
	printf("\nkernel %s, AES by %s%s; took %.1f ms\n", r->release,
	       r->aes_driver[0] ? r->aes_driver : "nothing yet",
	       r->aes_fast || !r->aes_driver[0] ? "" : " (slow)", r->took_us / 1000.0);
}

static int print_json(const struct kernel_report *r)
{
	json_t *features = json_object(), *top;
	int err = 0;

	for (unsigned f = 0; f < KERNEL_FEATURES; f++)
		err |= json_object_set_new(features, kernel_feature_name(f),
					   json_pack("{s:s, s:s}", "verdict",
						     kernel_verdict_name(r->of[f].verdict), "why",
						     r->of[f].why));
	top = json_pack("{s:s, s:s, s:b, s:f, s:o}", "kernel", r->release, "aes_driver",
			r->aes_driver, "aes_fast", r->aes_fast, "took_ms", r->took_us / 1000.0,
			"features", features);
	if (!top || err || json_dumpf(top, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0)
		err = -ENOMEM;
	putchar('\n');
	json_decref(top);
	return err;
}

int ctl_kernel(int argc, char **argv)
{
	struct kernel_report r;
	bool as_json = false;
	int opt, err;

	while ((opt = getopt(argc, argv, "j")) != -1) {
		if (opt != 'j') {
			fputs("usage: anytlsctl kernel [-j]\n", stderr);
			return 2;
		}
		as_json = true;
	}
	err = kernel_probe(&r);
	if (err) {
		fprintf(stderr, "anytlsctl: kernel: no loopback connection: %s\n", strerror(-err));
		return 1;
	}
	if (!as_json)
		print_table(&r);
	return as_json && print_json(&r) ? 1 : 0;
}
