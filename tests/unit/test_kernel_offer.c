// SPDX-License-Identifier: GPL-2.0-or-later
// Which sessions the kernel gets: what the probe found out decides, whatever the kernel says.
#include "app/kernel_offer.h"

#include <stdio.h>

#include "wire_put.h"

#define BROKEN "records it made: other bytes than were sent"

static const struct config_tls both = { .enabled = true,
					.kernel_tx = CONFIG_KERNEL_REQUIRED,
					.kernel_rx = CONFIG_KERNEL_REQUIRED };
static struct program program;
static struct worker worker;
static struct link link_;

/* A kernel that can do everything. */
static int set_up_session(void **state)
{
	set_up(state);
	program = (struct program){ 0 };
	worker = (struct worker){ .program = &program };
	for (int i = 0; i < KERNEL_FEATURES; i++)
		program.kernel.of[i].verdict = KERNEL_YES;
	link_ = (struct link){ .w = &worker, .wire = bed.wire };
	return 0;
}

static void break_feature(enum kernel_feature f)
{
	struct kernel_result *r = &program.kernel.of[f];

	r->verdict = KERNEL_BROKEN;
	snprintf(r->why, sizeof(r->why), BROKEN);
}

static void kernel_offer__broken_with_its_suite__is_not_handed_over(void **state)
{
	enum wire_place tx, rx;

	(void)state;
	break_feature(KERNEL_TX_AES_256);
	kernel_offer(&link_, &worker, bed.wire, &both);
	wire_places(bed.wire, &tx, &rx);
	assert_int_equal(tx, WIRE_RECORDS);
	assert_null(wire_kernel_refusal(bed.wire));
	assert_string_equal(kernel_offer_follow(&link_), BROKEN);
	assert_int_equal(worker.counters.kernel_refused, 1);
}

static void kernel_offer__broken_to_receive_with__is_not_handed_over(void **state)
{
	(void)state;
	break_feature(KERNEL_RX_AES_256);
	kernel_offer(&link_, &worker, bed.wire, &both);
	assert_string_equal(kernel_offer_follow(&link_), BROKEN);
}

static void kernel_offer__broken_with_another_suite__does_not_matter(void **state)
{
	(void)state;
	break_feature(KERNEL_TX_AES_128);
	break_feature(KERNEL_RX_CHACHA);
	kernel_offer(&link_, &worker, bed.wire, &both);
	assert_null(link_.kernel_unfit);
}

static void kernel_offer__broken_splice__receives_by_copy(void **state)
{
	(void)state;
	kernel_offer(&link_, &worker, bed.wire, &both);
	assert_false(link_.copies_in);
	break_feature(KERNEL_SPLICE_TLS);
	kernel_offer(&link_, &worker, bed.wire, &both);
	assert_true(link_.copies_in);
}

static void kernel_offer__switched_off__asks_for_nothing(void **state)
{
	(void)state;
	break_feature(KERNEL_TX_AES_256);
	program.kernel_tls_off = true;
	kernel_offer(&link_, &worker, bed.wire, &both);
	assert_null(kernel_offer_follow(&link_));
}

#define AES_256(f)                                                                                 \
	{                                                                                          \
#f, f, set_up_session, tear_down, (void *)&wire_kinds[4]                           \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AES_256(kernel_offer__broken_with_its_suite__is_not_handed_over),
		AES_256(kernel_offer__broken_to_receive_with__is_not_handed_over),
		AES_256(kernel_offer__broken_with_another_suite__does_not_matter),
		AES_256(kernel_offer__broken_splice__receives_by_copy),
		AES_256(kernel_offer__switched_off__asks_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
