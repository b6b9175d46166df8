// SPDX-License-Identifier: GPL-2.0-or-later
// What the resolver asks only once: names under way, names it knows, and for how long.
#include "resolve_bed.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

static void resolve__server_failure__is_eio_and_not_cached(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 }, later = { 0 };
	unsigned asked;

	fake_dns_code(b->dns, "broken.test", FAKE_A, FAKE_SERVFAIL);
	fake_dns_code(b->dns, "broken.test", FAKE_AAAA, FAKE_SERVFAIL);
	bed_ask(b, &p, "broken.test");
	bed_wait_answer(b, &p);
	assert_int_equal(p.err, -EIO);
	asked = fake_dns_asked(b->dns, "broken.test", FAKE_A);
	bed_ask(b, &later, "broken.test");
	bed_wait_answer(b, &later);
	assert_true(fake_dns_asked(b->dns, "broken.test", FAKE_A) > asked);
}

static void resolve__aaaa_fails__still_gives_a_for_a_short_time(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 }, later = { 0 };

	fake_dns_address(b->dns, "half.test", FAKE_A, "127.0.0.2", 600);
	fake_dns_code(b->dns, "half.test", FAKE_AAAA, FAKE_SERVFAIL);
	bed_ask(b, &p, "half.test");
	bed_wait_answer(b, &p);
	assert_int_equal(p.err, 0);
	assert_string_equal(bed_text(&p, 0), "127.0.0.2:443");
	bed_settle(b);
	bed_advance(b, 10001);
	bed_ask(b, &later, "half.test");
	bed_wait_answer(b, &later);
	assert_int_equal(fake_dns_asked(b->dns, "half.test", FAKE_A), 2);
}

static void resolve__aaaa_late__completes_the_cached_answer(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 }, later = { 0 };

	fake_dns_address(b->dns, "late.test", FAKE_A, "127.0.0.2", 600);
	fake_dns_address(b->dns, "late.test", FAKE_AAAA, "::1", 600);
	fake_dns_silence(b->dns, "late.test", FAKE_AAAA);
	bed_ask(b, &p, "late.test");
	bed_settle(b);
	bed_advance(b, 50);
	assert_int_equal(p.n, 1);
	fake_dns_speak(b->dns, "late.test", FAKE_AAAA);
	bed_settle(b);
	assert_int_equal(p.answers, 1);
	bed_ask(b, &later, "late.test");
	loop_turn(b->loop, 0);
	assert_int_equal(later.n, 2);
	assert_int_equal(fake_dns_asked(b->dns, "late.test", FAKE_A), 1);
}

static void resolve__silent_server__times_out_and_is_not_cached(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 }, later = { 0 };
	unsigned asked;

	clock_freeze_ms(0); /* the library has a clock of its own */
	loop_turn(b->loop, 0);
	bed_use_opts(b, (struct resolve_opts){ .timeout_ms = 10 });
	fake_dns_silence(b->dns, "mute.test", FAKE_A);
	fake_dns_silence(b->dns, "mute.test", FAKE_AAAA);
	bed_ask(b, &p, "mute.test");
	bed_wait_answer(b, &p);
	assert_int_equal(p.err, -ETIMEDOUT);
	asked = fake_dns_asked(b->dns, "mute.test", FAKE_A);
	assert_int_equal(asked, 2);
	bed_ask(b, &later, "mute.test");
	bed_wait_answer(b, &later);
	assert_int_equal(later.err, -ETIMEDOUT);
	assert_int_equal(fake_dns_asked(b->dns, "mute.test", FAKE_A), 4);
}

static void resolve__same_name_at_once__is_one_query(void **state)
{
	struct bed *b = *state;
	struct probe p[3] = { 0 };

	fake_dns_address(b->dns, "shared.test", FAKE_A, "127.0.0.2", 60);
	bed_ask(b, &p[0], "shared.test");
	bed_ask(b, &p[1], "SHARED.test");
	loop_turn(b->loop, 0);
	bed_ask(b, &p[2], "shared.TEST");
	bed_settle(b);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(p[i].answers, 1);
		assert_string_equal(bed_text(&p[i], 0), "127.0.0.2:443");
	}
	assert_int_equal(fake_dns_asked(b->dns, "shared.test", FAKE_A), 1);
	assert_int_equal(fake_dns_asked(b->dns, "shared.test", FAKE_AAAA), 1);
}

/* Asks, lets `ms` pass, asks again; how many queries that made. */
static unsigned queries_around(struct bed *b, const char *name, uint64_t ms)
{
	struct probe before = { 0 }, after = { 0 };

	bed_ask(b, &before, name);
	bed_wait_answer(b, &before);
	bed_settle(b);
	clock_freeze_ms(clock_now_ms() + ms);
	loop_turn(b->loop, 0);
	bed_ask(b, &after, name);
	bed_wait_answer(b, &after);
	assert_int_equal(after.err, before.err);
	assert_int_equal(after.n, before.n);
	return fake_dns_asked(b->dns, name, FAKE_A);
}

static void resolve__within_ttl__is_answered_from_the_cache(void **state)
{
	fake_dns_address(((struct bed *)*state)->dns, "ttl.test", FAKE_A, "127.0.0.2", 60);
	assert_int_equal(queries_around(*state, "ttl.test", 59999), 1);
}

static void resolve__after_ttl__is_asked_again(void **state)
{
	fake_dns_address(((struct bed *)*state)->dns, "ttl.test", FAKE_A, "127.0.0.2", 60);
	assert_int_equal(queries_around(*state, "ttl.test", 60000), 2);
}

static void resolve__different_ttls__the_smallest_counts(void **state)
{
	struct bed *b = *state;

	fake_dns_address(b->dns, "mixed.test", FAKE_A, "127.0.0.2", 600);
	fake_dns_address(b->dns, "mixed.test", FAKE_AAAA, "::1", 20);
	assert_int_equal(queries_around(b, "mixed.test", 20000), 2);
}

static void resolve__ttl_0__lasts_1_s(void **state)
{
	struct bed *b = *state;

	fake_dns_address(b->dns, "zero.test", FAKE_A, "127.0.0.2", 0);
	fake_dns_address(b->dns, "nil.test", FAKE_A, "127.0.0.2", 0);
	assert_int_equal(queries_around(b, "zero.test", 999), 1);
	assert_int_equal(queries_around(b, "nil.test", 1000), 2);
}

static void resolve__ttl_of_a_day__lasts_1_h(void **state)
{
	struct bed *b = *state;

	fake_dns_address(b->dns, "day.test", FAKE_A, "127.0.0.2", 86400);
	fake_dns_address(b->dns, "long.test", FAKE_A, "127.0.0.2", 86400);
	assert_int_equal(queries_around(b, "day.test", 3599999), 1);
	assert_int_equal(queries_around(b, "long.test", 3600000), 2);
}

static void resolve__no_such_name__is_cached_for_10_s(void **state)
{
	assert_int_equal(queries_around(*state, "gone.test", 9999), 1);
	assert_int_equal(queries_around(*state, "away.test", 10000), 2);
}

static void resolve__cache_full__drops_the_least_recently_used(void **state)
{
	static const char *const order[] = { "a.test", "b.test", "a.test", "c.test" };
	struct bed *b = *state;
	struct probe p;

	bed_use_opts(b, (struct resolve_opts){ .timeout_ms = 60000, .cache_max = 2 });
	fake_dns_address(b->dns, "a.test", FAKE_A, "127.0.0.2", 60);
	fake_dns_address(b->dns, "b.test", FAKE_A, "127.0.0.3", 60);
	fake_dns_address(b->dns, "c.test", FAKE_A, "127.0.0.4", 60);
	for (int i = 0; i < 4; i++) {
		p = (struct probe){ 0 };
		bed_ask(b, &p, order[i]);
		bed_wait_answer(b, &p);
	}
	p = (struct probe){ 0 };
	bed_ask(b, &p, "a.test");
	bed_wait_answer(b, &p);
	assert_int_equal(fake_dns_asked(b->dns, "a.test", FAKE_A), 1);
	p = (struct probe){ 0 };
	bed_ask(b, &p, "b.test");
	bed_wait_answer(b, &p);
	assert_int_equal(fake_dns_asked(b->dns, "b.test", FAKE_A), 2);
}

static void resolve__too_many_under_way__is_ebusy_but_shared_and_known_names_work(void **state)
{
	struct bed *b = *state;
	struct probe known = { 0 }, slow = { 0 }, p[3] = { 0 };

	bed_use_opts(b, (struct resolve_opts){ .timeout_ms = 60000, .max_pending = 1 });
	fake_dns_address(b->dns, "known.test", FAKE_A, "127.0.0.2", 60);
	fake_dns_silence(b->dns, "slow.test", FAKE_A);
	fake_dns_silence(b->dns, "slow.test", FAKE_AAAA);
	bed_ask(b, &known, "known.test");
	bed_wait_answer(b, &known);
	bed_ask(b, &slow, "slow.test");
	bed_ask(b, &p[0], "other.test");
	bed_ask(b, &p[1], "known.test");
	bed_ask(b, &p[2], "slow.test");
	bed_settle(b);
	assert_int_equal(p[0].err, -EBUSY);
	assert_int_equal(p[1].n, 1);
	assert_int_equal(p[2].answers, 0);
	fake_dns_speak(b->dns, "slow.test", FAKE_A);
	fake_dns_speak(b->dns, "slow.test", FAKE_AAAA);
	bed_settle(b);
	assert_int_equal(p[2].err, -ENOENT);
	p[0] = (struct probe){ 0 };
	bed_ask(b, &p[0], "other.test");
	bed_wait_answer(b, &p[0]);
	assert_int_equal(p[0].err, -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(resolve__server_failure__is_eio_and_not_cached),
		bed_test(resolve__aaaa_fails__still_gives_a_for_a_short_time),
		bed_test(resolve__aaaa_late__completes_the_cached_answer),
		bed_test(resolve__silent_server__times_out_and_is_not_cached),
		bed_test(resolve__same_name_at_once__is_one_query),
		bed_test(resolve__within_ttl__is_answered_from_the_cache),
		bed_test(resolve__after_ttl__is_asked_again),
		bed_test(resolve__different_ttls__the_smallest_counts),
		bed_test(resolve__ttl_0__lasts_1_s),
		bed_test(resolve__ttl_of_a_day__lasts_1_h),
		bed_test(resolve__no_such_name__is_cached_for_10_s),
		bed_test(resolve__cache_full__drops_the_least_recently_used),
		bed_test(resolve__too_many_under_way__is_ebusy_but_shared_and_known_names_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
