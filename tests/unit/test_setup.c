// SPDX-License-Identifier: GPL-2.0-or-later
// Set-ups: what they leave behind, take over, keep, and refuse; in a namespace.
#include <errno.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "setup_bed.h"

static struct plan plan_of(enum steering steering, const char *name)
{
	struct plan p = plan_bed(name, steering);

	plan_bed_add(&p.bypass, "203.0.113.0/24");
	plan_bed_add(&p.bypass, "2001:db8::/32");
	plan_bed_port(&p, 0, 22, 22);
	plan_bed_source(&p, "192.0.2.5", (struct port_range){ IPPROTO_TCP, 443, 443 });
	return p;
}

static const enum steering ways[] = { STEERING_SK_LOOKUP, STEERING_TPROXY, STEERING_REDIRECT };
#define WAYS (sizeof(ways) / sizeof(*ways))

static void setup__install_and_remove__leave_everything_as_it_was(void **state)
{
	struct setup_bed *b = *state;

	for (size_t i = 0; i < 2 * WAYS; i++) {
		struct plan p = plan_of(ways[i / 2], "gw");
		char *before = setup_bed_dump(), *with;

		p.local = i % 2;
		setup_bed_do(b, INSTALL, &p);
		with = setup_bed_dump();
		assert_string_not_equal(before, with);
		free(with);
		setup_bed_do(b, CHECK, &p);
		setup_bed_do(b, REMOVE, &p);
		setup_bed_same(before, setup_bed_dump());
		setup_bed_do(b, REMOVE, &p);
		plan_done(&p);
	}
}

static void setup__bypass_of_every_source__is_there_and_goes(void **state)
{
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_SK_LOOKUP, "gw");
	char *before = setup_bed_dump();

	plan_bed_source(&p, "0.0.0.0/0", (struct port_range){ IPPROTO_TCP, 443, 443 });
	plan_bed_source(&p, "192.0.2.5", (struct port_range){ IPPROTO_TCP, 443, 443 });
	plan_bed_source(&p, "::/0", (struct port_range){ 0, 0, 65535 });
	setup_bed_do(b, INSTALL, &p);
	setup_bed_do(b, CHECK, &p);
	setup_bed_do(b, REMOVE, &p);
	setup_bed_same(before, setup_bed_dump());
	plan_done(&p);
}

static void setup__installed_again__changes_nothing(void **state)
{
	struct setup_bed *b = *state;

	for (size_t i = 0; i < WAYS; i++) {
		struct plan p = plan_of(ways[i], "gw");
		char *once;

		p.local = true;
		setup_bed_do(b, INSTALL, &p);
		once = setup_bed_output("nft -a list ruleset 2>/dev/null; ip -4 rule");
		setup_bed_do(b, INSTALL, &p);
		assert_null(strstr(b->said, "ip -"));
		assert_null(strstr(b->said, "nft table"));
		setup_bed_same(once, setup_bed_output("nft -a list ruleset 2>/dev/null; ip -4 "
						      "rule"));
		setup_bed_do(b, REMOVE, &p);
		plan_done(&p);
	}
}

/* From every way to every other one, with another table and other priorities too. */
static void setup__another_plan_of_the_name__replaces_the_first(void **state)
{
	struct setup_bed *b = *state;

	for (size_t i = 0; i < WAYS * WAYS; i++) {
		struct plan from = plan_of(ways[i / WAYS], "gw");
		struct plan to = plan_of(ways[i % WAYS], "gw");
		char *fresh, *before = setup_bed_dump();

		from.local = true;
		from.table = 100;
		from.priority = 4803; /* the ranges overlap */
		setup_bed_do(b, INSTALL, &to);
		fresh = setup_bed_dump();
		setup_bed_do(b, REMOVE, &to);
		setup_bed_do(b, INSTALL, &from);
		setup_bed_do(b, INSTALL, &to);
		setup_bed_do(b, CHECK, &to);
		setup_bed_same(fresh, setup_bed_dump());
		setup_bed_do(b, REMOVE, &to);
		setup_bed_same(before, setup_bed_dump());
		plan_done(&from);
		plan_done(&to);
	}
}

static void setup__two_plans__are_independent(void **state)
{
	struct setup_bed *b = *state;
	struct plan one = plan_of(STEERING_SK_LOOKUP, "one"), two = plan_of(STEERING_TPROXY, "two");
	char *before = setup_bed_dump(), *only_one;

	strcpy(two.interfaces[0], "lan1");
	two.table = 7894;
	two.priority = 4808;
	one.spare_replies = SPARE_YES;
	setup_bed_do(b, INSTALL, &one);
	only_one = setup_bed_dump();
	setup_bed_do(b, INSTALL, &two);
	setup_bed_do(b, CHECK, &one);
	setup_bed_do(b, CHECK, &two);
	setup_bed_do(b, REMOVE, &two);
	setup_bed_same(only_one, setup_bed_dump());
	setup_bed_do(b, INSTALL, &two);
	setup_bed_do(b, REMOVE, &one);
	setup_bed_do(b, CHECK, &two);
	setup_bed_do(b, REMOVE, &two);
	setup_bed_same(before, setup_bed_dump());
	plan_done(&one);
	plan_done(&two);
}

static void setup__dry_run__says_it_and_does_nothing(void **state)
{
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_TPROXY, "gw");
	char *before = setup_bed_dump();

	b->options.dry_run = true;
	setup_bed_do(b, INSTALL, &p);
	setup_bed_said(b, "ip -4 rule add priority 4803 iif lan0 fwmark");
	setup_bed_said(b, "nft table inet gw");
	setup_bed_same(before, setup_bed_dump());
	b->options.dry_run = false;
	setup_bed_do(b, INSTALL, &p);
	before = setup_bed_dump();
	b->options.dry_run = true;
	setup_bed_do(b, REMOVE, &p);
	setup_bed_said(b, "ip -4 rule del priority 4803");
	setup_bed_same(before, setup_bed_dump());
	plan_done(&p);
}

static void setup_print__run_by_a_shell__does_the_same(void **state)
{
	struct setup_bed *b = *state;

	for (size_t i = 0; i < WAYS; i++) {
		struct plan p = plan_of(ways[i], "gw");
		char *installed, *before = setup_bed_dump();
		FILE *sh;

		p.local = true;
		setup_bed_do(b, INSTALL, &p);
		installed = setup_bed_dump();
		setup_bed_do(b, REMOVE, &p);
		setup_bed_same(before, setup_bed_dump());
		sh = popen("sh -e", "w");
		assert_non_null(sh);
		setup_print(&p, sh);
		assert_int_equal(pclose(sh), 0);
		setup_bed_same(installed, setup_bed_dump());
		assert_int_equal(system("ip -4 rule flush; ip -4 rule add priority 32766 lookup "
					"main; ip -4 rule add priority 32767 lookup default; "
					"ip -6 rule flush; ip -6 rule add priority 32766 lookup "
					"main; ip -4 route flush table 7893; "
					"ip -6 route flush table 7893; nft delete table inet gw "
					"2>/dev/null; true"),
				 0);
		plan_done(&p);
	}
}

/* Refusals. */

static void assert_refused(struct setup_bed *b, const struct plan *p, int err, const char *said)
{
	char *before = setup_bed_dump();

	assert_int_equal(setup_bed_call(b, INSTALL, p), err);
	setup_bed_said(b, said);
	assert_string_not_equal(b->why, "");
	setup_bed_same(before, setup_bed_dump());
}

static void setup__what_others_have__is_refused(void **state)
{
	static const struct {
		const char *make, *said;
	} cases[] = {
		{ "ip -4 rule add priority 4803 lookup 99", "IPv4 rule of priority 4803" },
		{ "ip -6 rule add priority 4807 lookup 99", "IPv6 rule of priority 4807" },
		{ "ip -4 rule add priority 9000 lookup 7893", "looks up table 7893" },
		{ "ip -4 route add throw 10.0.0.0/8 table 7893", "what is in table 7893" },
		{ "ip -4 route add throw 203.0.113.0/24 table 7893 protocol 231",
		  "what is in table 7893" },
		{ "nft add table inet gw", "nft table inet gw is there" },
	};
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_TPROXY, "gw");

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		close(netns_new());
		assert_int_equal(system("sysctl -qw net.ipv4.ip_forward=1"), 0);
		assert_int_equal(system(cases[i].make), 0);
		assert_refused(b, &p, -EEXIST, cases[i].said);
	}
	plan_done(&p);
}

static void setup__settings_that_would_break_it__are_refused(void **state)
{
	static const struct {
		const char *make, *said;
		enum steering steering;
		bool local;
	} cases[] = {
		{ "sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0",
		  "net.ipv4.ip_forward=1", STEERING_SK_LOOKUP, false },
		{ "sysctl -qw net.ipv4.conf.all.src_valid_mark=1", "src_valid_mark=1",
		  STEERING_TPROXY, true },
		{ "ip link set lo down", "lo is down", STEERING_SK_LOOKUP, false },
		{ "sysctl -qw net.ipv6.conf.lo.disable_ipv6=1", "net.ipv6.conf.lo.disable_ipv6=0",
		  STEERING_SK_LOOKUP, false },
		{ "ip -4 rule add priority 300 lookup main", "rule of priority 300 comes first",
		  STEERING_SK_LOOKUP, false },
		{ "ip -6 rule add priority 301 iif lan0 lookup main",
		  "IPv6 rule of priority 301 comes first", STEERING_TPROXY, false },
		{ "ip -4 rule add priority 300 ipproto tcp prohibit",
		  "rule of priority 300 comes first", STEERING_SK_LOOKUP, false },
		{ "ip -4 rule add priority 300 goto 32766", "rule of priority 300 comes first",
		  STEERING_SK_LOOKUP, false },
		{ "ip -4 rule add priority 5000 lookup local; ip -4 rule del priority 0",
		  "own addresses would be captured", STEERING_SK_LOOKUP, false },
		{ "nft 'add table ip o; add chain ip o c { type filter hook prerouting priority "
		  "-200; }; add rule ip o c iifname \"lan0\" meta l4proto tcp tproxy to :1'",
		  "problem: chain c of nft table ip o has a tproxy", STEERING_SK_LOOKUP, false },
		{ "nft 'add table ip o; add chain ip o c { type nat hook prerouting priority -100; "
		  "}; add rule ip o c meta l4proto tcp redirect to :1'",
		  "problem: chain c of nft table ip o has a redirect", STEERING_REDIRECT, false },
	};
	struct setup_bed *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan p = plan_of(cases[i].steering, "gw");

		close(netns_new());
		p.local = cases[i].local;
		assert_int_equal(system("sysctl -qw net.ipv4.ip_forward=1 "
					"net.ipv6.conf.all.forwarding=1"),
				 0);
		assert_int_equal(system(cases[i].make), 0);
		assert_refused(b, &p, -ENOTSUP, cases[i].said);
		plan_done(&p);
	}
}

static void setup__rules_of_others_that_leave_it_its_traffic__are_no_problem(void **state)
{
	static const char *const harmless[] = {
		"ip -4 rule add priority 300 fwmark 1 lookup main",
		"ip -4 rule add priority 301 iif wan0 lookup main",
		"ip -4 rule add priority 302 from 10.0.0.0/8 lookup main",
		"ip -4 rule add priority 303 lookup main suppress_prefixlength 0",
		"ip -4 rule add priority 304 ipproto icmp lookup main",
		"ip -4 rule add priority 9000 lookup main",
		"nft 'add table ip o; add chain ip o c { type filter hook prerouting priority "
		"-150; "
		"}; add rule ip o c iifname \"wan0\" meta l4proto tcp tproxy to :1; add chain ip o "
		"n { type nat hook prerouting priority -100; }; add rule ip o n iifname \"lan0\" "
		"udp dport 53 redirect to :53'",
	};
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_SK_LOOKUP, "gw");

	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		assert_int_equal(system(harmless[i]), 0);
	setup_bed_do(b, INSTALL, &p);
	assert_null(strstr(b->said, "problem"));
	setup_bed_said(b, "warning: chain n of nft table ip o has a redirect");
	setup_bed_do(b, CHECK, &p);
	plan_done(&p);
}

static void setup__plans_that_make_no_sense__are_refused(void **state)
{
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_TPROXY, "gw");
	struct plan bad[] = { p, p, p, p, p, p, p, p };

	bad[0].own_mark = 0;
	bad[1].capture_mark = 3;
	bad[2].capture_mark = p.own_mark;
	bad[3].table = 254;
	bad[4].priority = 32766;
	bad[5].port = 0;
	bad[6].tcp = bad[6].udp = false;
	strcpy(bad[7].name, "../gw");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(setup_bed_call(b, INSTALL, &bad[i]), -EINVAL);
	strcpy(p.interfaces[0], "a\"b");
	assert_int_equal(setup_bed_call(b, INSTALL, &p), -EINVAL);
	plan_done(&p);
}

/* Drift. */

static void setup_check__what_went_missing__is_said_and_mended(void **state)
{
	static const struct {
		const char *harm, *said;
	} cases[] = {
		{ "ip -4 rule del priority 4803", "missing: ip -4 rule add priority 4803" },
		{ "ip -6 route flush table 7893", "missing: ip -6 route add local default" },
		{ "nft flush chain inet gw capture", "changed or missing: nft table inet gw" },
		{ "nft delete element inet gw bypass4 '{ 203.0.113.0/24 }'", "changed: elements" },
		{ "nft flush ruleset", "changed or missing: nft table inet gw" },
	};
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_TPROXY, "gw");

	setup_bed_do(b, INSTALL, &p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(system(cases[i].harm), 0);
		assert_true(setup_bed_call(b, CHECK, &p) > 0);
		setup_bed_said(b, cases[i].said);
		setup_bed_do(b, INSTALL, &p);
		setup_bed_do(b, CHECK, &p);
	}
	plan_done(&p);
}

static void setup_check__conntrack_came_into_use__is_said(void **state)
{
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_SK_LOOKUP, "gw");

	setup_bed_do(b, INSTALL, &p);
	setup_bed_said(b, "conntrack is not in use");
	assert_int_equal(system("nft 'add table ip o; add chain ip o c { type filter hook forward "
				"priority 0; }; add rule ip o c ct state established accept'"),
			 0);
	assert_true(setup_bed_call(b, CHECK, &p) > 0);
	setup_bed_said(b, "conntrack came into use");
	setup_bed_do(b, INSTALL, &p);
	setup_bed_said(b, "conntrack is in use");
	setup_bed_do(b, CHECK, &p);
	assert_int_equal(system("nft delete table ip o"), 0);
	setup_bed_do(b, INSTALL, &p); /* once found it stays */
	setup_bed_said(b, "conntrack is in use");
	plan_done(&p);
}

/* Updates. */

static void setup_update__lists__become_the_plans(void **state)
{
	struct setup_bed *b = *state;

	for (size_t i = 0; i < WAYS; i++) {
		struct plan p = plan_of(ways[i], "gw"), next = plan_of(ways[i], "gw");
		char *before = setup_bed_dump(), *fresh;

		next.bypass.n = 1;
		plan_bed_add(&next.bypass, "198.51.100.0/24");
		plan_bed_add(&next.bypass, "2400::/16");
		setup_bed_do(b, INSTALL, &next);
		fresh = setup_bed_dump();
		setup_bed_do(b, REMOVE, &next);
		setup_bed_do(b, INSTALL, &p);
		setup_bed_do(b, UPDATE, &next);
		setup_bed_do(b, CHECK, &next);
		setup_bed_same(fresh, setup_bed_dump());
		setup_bed_do(b, REMOVE, &next);
		setup_bed_same(before, setup_bed_dump());
		plan_done(&p);
		plan_done(&next);
	}
}

/* Not an element of a set, and not beside a local default route. */
static void setup_update__all_of_a_family_comes_and_goes__is_bypassed(void **state)
{
	struct setup_bed *b = *state;

	for (size_t i = 0; i < WAYS; i++) {
		struct plan p = plan_of(ways[i], "gw"), all = plan_of(ways[i], "gw");
		char *fresh;

		plan_bed_add(&all.bypass, "0.0.0.0/0");
		setup_bed_do(b, INSTALL, &p);
		setup_bed_do(b, UPDATE, &all);
		setup_bed_do(b, CHECK, &all);
		setup_bed_do(b, INSTALL, &all);
		assert_null(strstr(b->said, "nft table"));
		setup_bed_do(b, UPDATE, &p);
		setup_bed_do(b, CHECK, &p);
		setup_bed_do(b, REMOVE, &p);
		fresh = setup_bed_dump();
		assert_null(strstr(fresh, "7893"));
		free(fresh);
		plan_done(&p);
		plan_done(&all);
	}
}

static void add_many(struct plan *p, unsigned step, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char text[32];
		struct prefix one;

		snprintf(text, sizeof(text), "11.%u.%u.0/24", i / 256, i % 256);
		assert_int_equal(prefix_parse(text, strlen(text), &one), 0);
		if (i % step == 0)
			assert_int_equal(prefix_list_add(&p->bypass, &one), 0);
	}
	prefix_list_normal(&p->bypass);
}

static void setup_update__thousands_of_prefixes__come_and_go(void **state)
{
	struct setup_bed *b = *state;

	for (size_t i = 0; i < WAYS; i++) {
		struct plan all = plan_of(ways[i], "gw"), half = plan_of(ways[i], "gw");
		char *before = setup_bed_dump(), *with_all;

		add_many(&all, 1, 3000);
		add_many(&half, 2, 3000);
		setup_bed_do(b, INSTALL, &all);
		with_all = setup_bed_dump();
		setup_bed_do(b, UPDATE, &half);
		setup_bed_do(b, CHECK, &half);
		assert_true(setup_bed_call(b, CHECK, &all) > 0);
		setup_bed_do(b, UPDATE, &all);
		setup_bed_same(with_all, setup_bed_dump());
		setup_bed_do(b, REMOVE, &all);
		setup_bed_same(before, setup_bed_dump());
		plan_done(&all);
		plan_done(&half);
	}
}

static void setup_mend__what_others_deleted__is_made_again_unless_it_was_removed(void **state)
{
	struct setup_bed *b = *state;

	for (size_t i = 0; i < WAYS; i++) {
		struct plan p = plan_of(ways[i], "gw");
		char *nothing = setup_bed_dump(), *with;

		setup_bed_do(b, INSTALL, &p);
		with = setup_bed_dump();
		assert_int_equal(setup_mend(&p, &b->options, b->why, sizeof(b->why)), 0);
		assert_int_equal(system("nft flush ruleset; ip -6 route flush table 7893;"
					"while ip rule del protocol 231 2>/dev/null; do :; done"),
				 0);
		assert_int_equal(setup_mend(&p, &b->options, b->why, sizeof(b->why)), 1);
		setup_bed_same(with, setup_bed_dump());
		setup_bed_do(b, REMOVE, &p);
		assert_int_equal(setup_mend(&p, &b->options, b->why, sizeof(b->why)), 0);
		setup_bed_same(nothing, setup_bed_dump());
		plan_done(&p);
	}
}

static void setup_update__nothing_set_up__is_an_error(void **state)
{
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_TPROXY, "gw");

	assert_int_equal(setup_bed_call(b, UPDATE, &p), -ENOENT);
	plan_done(&p);
}

/* Journals. */

static void count_name(const char *name, void *arg)
{
	assert_string_equal(name, "gw");
	++*(int *)arg;
}

static void setup_each__journals__are_named(void **state)
{
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_TPROXY, "gw");
	int n = 0;

	assert_int_equal(setup_each(b->dir, count_name, &n), 0);
	assert_int_equal(n, 0);
	setup_bed_do(b, INSTALL, &p);
	assert_int_equal(setup_each(b->dir, count_name, &n), 0);
	assert_int_equal(n, 1);
	setup_bed_do(b, REMOVE, &p);
	assert_int_equal(setup_each(b->dir, count_name, &n), 0);
	assert_int_equal(n, 1);
	plan_done(&p);
}

static void setup__journal_of_another_namespace__is_left_alone_while_that_lives(void **state)
{
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_SK_LOOKUP, "gw");
	int first = netns_here(), pipes[2], status;
	pid_t child;
	char byte;

	setup_bed_do(b, INSTALL, &p);
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) { /* lives in the first one until the test goes on */
		close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) == 1);
	}
	close(netns_new());
	assert_int_equal(setup_bed_call(b, REMOVE, &p), -EXDEV);
	assert_non_null(strstr(b->why, "another network namespace"));
	netns_enter(first);
	setup_bed_do(b, REMOVE, &p);
	setup_bed_do(b, INSTALL, &p);
	close(first);
	close(netns_new());
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(system("sysctl -qw net.ipv4.ip_forward=1"), 0);
	setup_bed_do(b, INSTALL, &p);
	setup_bed_do(b, REMOVE, &p);
	plan_done(&p);
}

static void setup__broken_journal__is_an_error_not_a_guess(void **state)
{
	struct setup_bed *b = *state;
	struct plan p = plan_of(STEERING_SK_LOOKUP, "gw");
	char command[100];

	setup_bed_do(b, INSTALL, &p);
	snprintf(command, sizeof(command), "echo what >>%s/gw.rules", b->dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(setup_bed_call(b, REMOVE, &p), -EINVAL);
	assert_non_null(strstr(b->why, "is not understood"));
	plan_done(&p);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup_bed_up, setup_bed_down)
	const struct CMUnitTest tests[] = {
		CASE(setup__install_and_remove__leave_everything_as_it_was),
		CASE(setup__bypass_of_every_source__is_there_and_goes),
		CASE(setup__installed_again__changes_nothing),
		CASE(setup__another_plan_of_the_name__replaces_the_first),
		CASE(setup__two_plans__are_independent),
		CASE(setup__dry_run__says_it_and_does_nothing),
		CASE(setup_print__run_by_a_shell__does_the_same),
		CASE(setup__what_others_have__is_refused),
		CASE(setup__settings_that_would_break_it__are_refused),
		CASE(setup__rules_of_others_that_leave_it_its_traffic__are_no_problem),
		CASE(setup__plans_that_make_no_sense__are_refused),
		CASE(setup_check__what_went_missing__is_said_and_mended),
		CASE(setup_check__conntrack_came_into_use__is_said),
		CASE(setup_update__lists__become_the_plans),
		CASE(setup_update__all_of_a_family_comes_and_goes__is_bypassed),
		CASE(setup_update__thousands_of_prefixes__come_and_go),
		CASE(setup_mend__what_others_deleted__is_made_again_unless_it_was_removed),
		CASE(setup_update__nothing_set_up__is_an_error),
		CASE(setup_each__journals__are_named),
		CASE(setup__journal_of_another_namespace__is_left_alone_while_that_lives),
		CASE(setup__broken_journal__is_an_error_not_a_guess),
	};
	const struct CMUnitTest none[] = { cmocka_unit_test(setup_bed_skip) };

	if (!setup_bed_can())
		return cmocka_run_group_tests(none, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
