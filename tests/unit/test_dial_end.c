// SPDX-License-Identifier: GPL-2.0-or-later
// Calls that end before any attempt, are cancelled, or free their owner.
#include "dial_place.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void dial_name__no_such_name__is_enoent(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	assert_int_equal(c.dones, 1);
	assert_int_equal(c.err, -ENOENT);
	assert_int_equal(c.fd, -1);
}

static void dial_name__silent_dns__times_out_after_the_limit(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	const struct dial_opts opts = { .timeout_ms = 700 };

	fake_dns_silence(b->dns, "host.test", FAKE_A);
	fake_dns_silence(b->dns, "host.test", FAKE_AAAA);
	place_dial_host(b, &c, &opts);
	place_settle(b);
	place_advance(b, 699);
	assert_int_equal(c.dones, 0);
	place_advance(b, 1);
	assert_int_equal(c.dones, 1);
	assert_int_equal(c.err, -ETIMEDOUT);
}

static void dial_name__literal__needs_no_dns(void **state)
{
	struct place *b = *state;
	const struct dial_opts none = { 0 };
	struct call c = { .d = { .done = place_done } };

	place_serve_at(b, 2);
	assert_int_equal(dial_name(&c.d, b->loop, b->resolver, &none, "127.0.0.2", b->port), 0);
	place_settle(b);
	assert_int_equal(place_peer_of(&c), 2);
	close(c.fd);
}

static void dial_cancel__nothing_under_way__is_ignored(void **state)
{
	struct call c = { 0 };

	(void)state;
	dial_cancel(&c.d);
	assert_int_equal(c.dones, 0);
}

static void dial_cancel__at_once__no_callback_comes(void **state)
{
	struct place *b = *state;
	struct call named = { 0 }, known = { 0 };

	place_serve_at(b, 2);
	place_add_address(b, 2);
	place_dial_host(b, &named, &(struct dial_opts){ 0 });
	place_dial_local(b, &known, &(struct dial_opts){ 0 }, place_local(2, b->port));
	dial_cancel(&named.d);
	dial_cancel(&known.d);
	dial_cancel(&known.d);
	place_settle(b);
	place_advance(b, 10000);
	assert_int_equal(named.dones + known.dones, 0);
}

static void dial_cancel__while_resolving__no_callback_comes(void **state)
{
	struct place *b = *state;
	struct call *c = calloc(1, sizeof(*c));

	fake_dns_silence(b->dns, "host.test", FAKE_A);
	place_add_address(b, 2);
	place_serve_at(b, 2);
	place_dial_host(b, c, &(struct dial_opts){ 0 });
	place_settle(b);
	dial_cancel(&c->d);
	free(c); /* a late answer must not look for it */
	fake_dns_speak(b->dns, "host.test", FAKE_A);
	place_settle(b);
	place_advance(b, 10000);
}

static void dial_cancel__while_connecting__closes_all_attempts(void **state)
{
	struct place *b = *state;

	place_black_hole(b, place_local(2, 0));
	place_black_hole(b, place_local(3, b->port));
	place_black_hole(b, place_local(4, b->port));
	for (uint8_t i = 2; i < 5; i++)
		place_add_address(b, i);
	place_settle(b);
	for (unsigned attempts = 1; attempts <= 3; attempts++) {
		struct call *c = calloc(1, sizeof(*c));
		unsigned files;

		place_dial_host(b, c, &(struct dial_opts){ 0 });
		place_settle(b);
		for (unsigned i = 1; i < attempts; i++)
			place_advance(b, 250);
		files = place_open_files();
		assert_int_equal(c->dones, 0);
		dial_cancel(&c->d);
		free(c);
		assert_int_equal(place_open_files(), files - attempts);
		place_advance(b, 6000);
	}
}

static void dial_cancel__of_another_from_done__is_safe(void **state)
{
	struct place *b = *state;
	struct call one = { 0 }, two = { 0 };

	place_serve_at(b, 2);
	one.cancel = &two.d;
	two.cancel = &one.d;
	place_dial_local(b, &one, &(struct dial_opts){ 0 }, place_local(2, b->port));
	place_dial_local(b, &two, &(struct dial_opts){ 0 }, place_local(2, b->port));
	place_settle(b);
	assert_int_equal(one.dones + two.dones, 1);
	close(one.dones ? one.fd : two.fd);
}

static void dial__done_frees_its_owner__is_safe(void **state)
{
	struct place *b = *state;
	struct call *winner = calloc(1, sizeof(*winner)), *loser = calloc(1, sizeof(*loser));
	struct call *late = calloc(1, sizeof(*late)), *nameless = calloc(1, sizeof(*nameless));

	place_owners_freed = 0;
	winner->free_self = loser->free_self = late->free_self = nameless->free_self = true;
	place_black_hole(b, place_local(2, 0));
	place_serve_at(b, 3);
	place_add_address(b, 2);
	place_add_address(b, 3);
	place_dial_host(b, winner, &(struct dial_opts){ 0 });
	place_dial_local(b, loser, &(struct dial_opts){ 0 }, place_local(7, b->port));
	place_dial_local(b, late, &(struct dial_opts){ 0 }, place_local(2, b->port));
	nameless->d.done = place_done;
	dial_name(&nameless->d, b->loop, b->resolver, &(struct dial_opts){ 0 }, "missing.test", 1);
	place_settle(b);
	place_advance(b, 250);
	place_advance(b, 5000);
	assert_int_equal(place_owners_freed, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(dial_name__no_such_name__is_enoent),
		place_test(dial_name__silent_dns__times_out_after_the_limit),
		place_test(dial_name__literal__needs_no_dns),
		place_test(dial_cancel__nothing_under_way__is_ignored),
		place_test(dial_cancel__at_once__no_callback_comes),
		place_test(dial_cancel__while_resolving__no_callback_comes),
		place_test(dial_cancel__while_connecting__closes_all_attempts),
		place_test(dial_cancel__of_another_from_done__is_safe),
		place_test(dial__done_frees_its_owner__is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
