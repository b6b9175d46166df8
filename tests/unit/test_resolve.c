// SPDX-License-Identifier: GPL-2.0-or-later
// The resolver against a scripted DNS server: what is answered, and with which error.
#include "resolve_bed.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void resolve__both_families__gives_all_with_the_port(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 };
	bool v6_first;

	fake_dns_address(b->dns, "both.test", FAKE_A, "127.0.0.2", 60);
	fake_dns_address(b->dns, "both.test", FAKE_AAAA, "::1", 60);
	bed_ask(b, &p, "both.test");
	bed_wait_answer(b, &p);
	assert_int_equal(p.err, 0);
	assert_int_equal(p.n, 2);
	v6_first = p.addrs[0].sa.sa_family == AF_INET6;
	assert_string_equal(bed_text(&p, v6_first ? 0 : 1), "[::1]:443");
	assert_string_equal(bed_text(&p, v6_first ? 1 : 0), "127.0.0.2:443");
}

static void resolve__start__never_answers_before_it_returns(void **state)
{
	struct bed *b = *state;
	static const char *const names[] = { "localhost", "192.0.2.1", "::1", "", "known.test" };
	struct probe first = { 0 };

	fake_dns_address(b->dns, "known.test", FAKE_A, "127.0.0.2", 60);
	bed_ask(b, &first, "known.test");
	bed_wait_answer(b, &first);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct probe p = { 0 };

		bed_ask(b, &p, names[i]);
		assert_int_equal(p.answers, 0);
		loop_turn(b->loop, 0);
		assert_int_equal(p.answers, 1);
	}
}

static void resolve__literal__needs_no_server(void **state)
{
	struct bed *b = *state;
	struct probe p4 = { 0 }, p6 = { 0 };

	bed_ask(b, &p4, "192.0.2.1");
	bed_ask(b, &p6, "2001:db8::1");
	loop_turn(b->loop, 0);
	assert_string_equal(bed_text(&p4, 0), "192.0.2.1:443");
	assert_string_equal(bed_text(&p6, 0), "[2001:db8::1]:443");
	assert_int_equal(fake_dns_asked(b->dns, "192.0.2.1", FAKE_A), 0);
}

static void resolve__localhost__comes_from_the_hosts_file(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 };

	bed_ask(b, &p, "LocalHost");
	bed_wait_answer(b, &p);
	assert_int_equal(p.err, 0);
	assert_true(p.n >= 1);
	assert_int_equal(sockaddr_port(&p.addrs[0]), 443);
	bed_settle(b);
	assert_int_equal(fake_dns_asked(b->dns, "localhost", FAKE_A), 0);
}

static void resolve__no_such_name__is_enoent(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 };

	bed_ask(b, &p, "missing.test");
	bed_wait_answer(b, &p);
	assert_int_equal(p.err, -ENOENT);
	assert_int_equal(p.n, 0);
}

static void resolve__name_without_addresses__is_enoent(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 };

	fake_dns_code(b->dns, "empty.test", FAKE_A, FAKE_NOERROR);
	fake_dns_code(b->dns, "empty.test", FAKE_AAAA, FAKE_NOERROR);
	bed_ask(b, &p, "empty.test");
	bed_wait_answer(b, &p);
	assert_int_equal(p.err, -ENOENT);
}

static void resolve__unusable_names__are_refused_without_a_query(void **state)
{
	struct bed *b = *state;
	struct probe empty = { 0 }, too_long = { 0 }, long_label = { 0 };
	char name[300], label[71];

	memset(name, 'a', sizeof(name));
	for (size_t i = 50; i < sizeof(name); i += 50)
		name[i] = '.';
	name[299] = 0;
	memset(label, 'a', 70);
	label[70] = 0;
	bed_ask(b, &empty, "");
	bed_ask(b, &too_long, name);
	bed_ask(b, &long_label, label);
	bed_settle(b);
	assert_int_equal(empty.err, -ENOENT);
	assert_int_equal(too_long.err, -ENOENT);
	assert_int_equal(long_label.err, -ENOENT);
}

static void resolve__aaaa_silent__gives_a_after_50_ms(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 }, joined = { 0 };

	fake_dns_address(b->dns, "slow.test", FAKE_A, "127.0.0.2", 600);
	fake_dns_silence(b->dns, "slow.test", FAKE_AAAA);
	bed_ask(b, &p, "slow.test");
	bed_settle(b);
	bed_advance(b, 49);
	assert_int_equal(p.answers, 0);
	bed_advance(b, 1);
	assert_int_equal(p.answers, 1);
	assert_string_equal(bed_text(&p, 0), "127.0.0.2:443");
	bed_ask(b, &joined, "slow.test");
	loop_turn(b->loop, 0);
	assert_int_equal(joined.answers, 1);
	assert_int_equal(fake_dns_asked(b->dns, "slow.test", FAKE_A), 1);
}

static void resolve__a_silent__gives_aaaa_after_300_ms(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 };

	fake_dns_address(b->dns, "six.test", FAKE_AAAA, "::1", 600);
	fake_dns_silence(b->dns, "six.test", FAKE_A);
	bed_ask(b, &p, "six.test");
	bed_settle(b);
	bed_advance(b, 299);
	assert_int_equal(p.answers, 0);
	bed_advance(b, 1);
	assert_int_equal(p.answers, 1);
	assert_string_equal(bed_text(&p, 0), "[::1]:443");
}

static void resolve__server_refuses_packets__fails_without_waiting(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 };

	fake_dns_free(b->dns); /* its port now answers by ICMP */
	bed_ask(b, &p, "nobody.test");
	bed_wait_answer(b, &p);
	assert_int_equal(p.err, -EIO);
	b->dns = NULL;
}

static void resolver_new__unusable_servers__is_null(void **state)
{
	struct bed *b = *state;
	const struct resolve_opts opts = { .servers = "not an address" };

	assert_null(resolver_new(b->loop, &opts));
}

static void resolve__more_addresses_than_kept__keeps_both_families(void **state)
{
	struct bed *b = *state;
	struct probe p = { 0 };
	unsigned v4 = 0;
	char ip[32];

	for (int i = 1; i <= 12; i++) {
		snprintf(ip, sizeof(ip), "127.0.0.%d", i);
		fake_dns_address(b->dns, "many.test", FAKE_A, ip, 60);
		snprintf(ip, sizeof(ip), "2001:db8::%d", i);
		fake_dns_address(b->dns, "many.test", FAKE_AAAA, ip, 60);
	}
	bed_ask(b, &p, "many.test");
	bed_wait_answer(b, &p);
	assert_int_equal(p.n, RESOLVE_MAX);
	for (unsigned i = 0; i < p.n; i++)
		v4 += p.addrs[i].sa.sa_family == AF_INET;
	assert_int_equal(v4, RESOLVE_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(resolve__both_families__gives_all_with_the_port),
		bed_test(resolve__start__never_answers_before_it_returns),
		bed_test(resolve__literal__needs_no_server),
		bed_test(resolve__localhost__comes_from_the_hosts_file),
		bed_test(resolve__no_such_name__is_enoent),
		bed_test(resolve__name_without_addresses__is_enoent),
		bed_test(resolve__unusable_names__are_refused_without_a_query),
		bed_test(resolve__aaaa_silent__gives_a_after_50_ms),
		bed_test(resolve__a_silent__gives_aaaa_after_300_ms),
		bed_test(resolve__server_refuses_packets__fails_without_waiting),
		bed_test(resolver_new__unusable_servers__is_null),
		bed_test(resolve__more_addresses_than_kept__keeps_both_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
