// SPDX-License-Identifier: GPL-2.0-or-later
// Questions and resolvers that end early, callbacks that free or ask.
#include "resolve_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void resolve_cancel__under_way__no_answer_comes_and_the_cache_learns(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 }, later = { 0 };

	fake_dns_address(b->dns, "dropped.test", FAKE_A, "127.0.0.2", 60);
	bed_ask(b, &p, "dropped.test");
	resolve_cancel(&p.q);
	resolve_cancel(&p.q);
	bed_settle(b);
	assert_int_equal(p.answers, 0);
	bed_ask(b, &later, "dropped.test");
	bed_wait_answer(b, &later);
	assert_int_equal(fake_dns_asked(b->dns, "dropped.test", FAKE_A), 1);
}

static void resolve_cancel__answer_already_queued__no_answer_comes(void **state)
{
	static const char *const names[] = { "localhost", "192.0.2.1", "" };
	struct bed *b = *state;

	for (int i = 0; i < 3; i++) {
		struct probe p = { 0 };

		bed_ask(b, &p, names[i]);
		resolve_cancel(&p.q);
		bed_settle(b);
		assert_int_equal(p.answers, 0);
	}
}

static void resolve_cancel__never_asked__is_ignored(void **state)
{
	struct probe p = { 0 };

	(void)state;
	resolve_cancel(&p.q);
	assert_int_equal(p.answers, 0);
}

static void resolve_cancel__from_the_callback_of_another__no_answer_comes(void **state)
{
	struct bed *b = *state;
	struct probe first = { 0 }, second = { 0 }, third = { 0 };

	fake_dns_address(b->dns, "x.test", FAKE_A, "127.0.0.2", 60);
	first.cancel = &second;
	bed_ask(b, &first, "x.test");
	bed_ask(b, &second, "x.test");
	bed_ask(b, &third, "x.test");
	bed_settle(b);
	assert_int_equal(first.answers, 1);
	assert_int_equal(second.answers, 0);
	assert_int_equal(third.answers, 1);
}

static void resolve_cancel__many__leaves_nothing_behind(void **state)
{
	enum { MANY = 300 };
	struct bed *b = *state;
	struct probe *p = calloc(MANY, sizeof(*p)), last = { 0 };
	char name[32];

	bed_use_opts(b, (struct resolve_opts){ .timeout_ms = 60000, .max_pending = MANY });
	fake_dns_silence(b->dns, "slow.test", FAKE_A);
	fake_dns_silence(b->dns, "slow.test", FAKE_AAAA);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), i % 3 ? "slow.test" : "192.0.2.%d", i % 250);
		bed_ask(b, &p[i], name);
	}
	for (int i = 0; i < MANY; i++)
		resolve_cancel(&p[i].q);
	free(p); /* whoever still called one would be found out */
	fake_dns_speak(b->dns, "slow.test", FAKE_A);
	fake_dns_speak(b->dns, "slow.test", FAKE_AAAA);
	bed_settle(b);
	bed_ask(b, &last, "other.test");
	bed_wait_answer(b, &last);
}

static void resolve__callback_frees_its_owner__is_safe(void **state)
{
	struct bed *b = *state;
	struct probe *p = calloc(1, sizeof(*p)), *literal = calloc(1, sizeof(*p)), after = { 0 };

	p->free_self = literal->free_self = true;
	fake_dns_address(b->dns, "own.test", FAKE_A, "127.0.0.2", 60);
	bed_ask(b, p, "own.test");
	bed_ask(b, literal, "192.0.2.1");
	bed_ask(b, &after, "own.test");
	bed_wait_answer(b, &after);
	assert_int_equal(after.n, 1);
}

static void resolve__callback_asks_again__is_answered_again(void **state)
{
	struct bed *b = *state;
	struct probe same = { .again = "again.test" }, failing = { .again = "localhost" };

	fake_dns_address(b->dns, "again.test", FAKE_A, "127.0.0.2", 1);
	fake_dns_code(b->dns, "bad.test", FAKE_A, FAKE_SERVFAIL);
	bed_ask(b, &same, "again.test");
	bed_ask(b, &failing, "bad.test");
	bed_settle(b);
	assert_int_equal(same.answers, 2);
	assert_int_equal(fake_dns_asked(b->dns, "again.test", FAKE_A), 1);
	assert_int_equal(failing.answers, 2);
	assert_int_equal(failing.err, 0);
}

static void resolve__expired_between_hit_and_callback__asks_again(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 }, hit = { .again = "edge.test" };

	fake_dns_address(b->dns, "edge.test", FAKE_A, "127.0.0.2", 5);
	bed_ask(b, &p, "edge.test");
	bed_wait_answer(b, &p);
	bed_settle(b);
	bed_ask(b, &hit, "edge.test");
	bed_advance(b, 5000);
	assert_int_equal(hit.answers, 2);
	assert_int_equal(fake_dns_asked(b->dns, "edge.test", FAKE_A), 2);
}

static void resolver_free__questions_under_way__end_without_a_callback(void **state)
{
	struct bed *b = *state;
	struct probe dns = { 0 }, literal = { 0 }, refused = { 0 }, partial = { 0 };

	fake_dns_silence(b->dns, "slow.test", FAKE_A);
	fake_dns_silence(b->dns, "part.test", FAKE_AAAA);
	fake_dns_address(b->dns, "part.test", FAKE_A, "127.0.0.2", 60);
	bed_ask(b, &dns, "slow.test");
	bed_ask(b, &partial, "part.test");
	bed_settle(b);
	bed_ask(b, &literal, "192.0.2.1");
	bed_ask(b, &refused, "");
	resolver_free(b->resolver);
	b->resolver = NULL;
	bed_advance(b, 60);
	assert_int_equal(dns.answers + literal.answers + refused.answers + partial.answers, 0);
	resolve_cancel(&dns.q);
}

static void resolver_free__from_a_callback__ends_the_others(void **state)
{
	struct bed *b = *state;
	struct probe first = { .free_resolver = true }, second = { 0 }, other = { 0 };

	fake_dns_address(b->dns, "x.test", FAKE_A, "127.0.0.2", 60);
	fake_dns_silence(b->dns, "slow.test", FAKE_A);
	bed_ask(b, &first, "x.test");
	bed_ask(b, &second, "x.test");
	bed_ask(b, &other, "slow.test");
	bed_settle(b);
	assert_int_equal(first.answers, 1);
	assert_int_equal(second.answers + other.answers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(resolve_cancel__under_way__no_answer_comes_and_the_cache_learns),
		bed_test(resolve_cancel__answer_already_queued__no_answer_comes),
		bed_test(resolve_cancel__never_asked__is_ignored),
		bed_test(resolve_cancel__from_the_callback_of_another__no_answer_comes),
		bed_test(resolve_cancel__many__leaves_nothing_behind),
		bed_test(resolve__callback_frees_its_owner__is_safe),
		bed_test(resolve__callback_asks_again__is_answered_again),
		bed_test(resolve__expired_between_hit_and_callback__asks_again),
		bed_test(resolver_free__questions_under_way__end_without_a_callback),
		bed_test(resolver_free__from_a_callback__ends_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
