// SPDX-License-Identifier: GPL-2.0-or-later
// Tests of the watch for rules that others delete.
#include "netns_bed.h"

#include "base/clock.h"
#include "net/guard.h"

#define LONG_MS	 10000 /* for what must come */
#define SHORT_MS 400   /* in which what must not come would */

static struct loop *loop;
static struct guard *guard;
static unsigned told;

static void count(struct guard_watch *w)
{
	(void)w;
	told++;
}

static int set_up(void **state)
{
	static struct guard_watch watch = { count };
	char why[200];
	int fd = netns_new();

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	netns_ip("link add v0 type veth peer name v1");
	netns_ip("link set v0 up");
	netns_ip("rule add pref 4800 lookup 77");
	netns_ip("-6 rule add pref 4800 lookup 77");
	netns_ip("route add 192.0.2.0/24 dev lo table 77 proto 231");
	netns_ip("-6 route add 2001:db8::/32 dev lo table 77 proto 231");
	netns_ip("route add 198.51.100.0/24 dev lo proto static");
	assert_int_equal(system("nft 'add table inet gw; add chain inet gw c'"), 0);
	loop = loop_new();
	guard = guard_start(loop, &watch, why, sizeof(why));
	if (!guard)
		fail_msg("%s", why);
	told = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	guard_stop(guard);
	loop_free(loop);
	return 0;
}

static void turn_for(int ms, bool until_told)
{
	uint64_t end = clock_now_ms() + (uint64_t)ms;

	while (clock_now_ms() < end && !(until_told && told))
		loop_turn(loop, 20);
}

static void assert_told(const char *command)
{
	told = 0;
	assert_int_equal(system(command), 0);
	turn_for(LONG_MS, true);
	if (told != 1)
		fail_msg("not told of: %s", command);
	turn_for(50, false);
}

static void assert_not_told(const char *command)
{
	told = 0;
	assert_int_equal(system(command), 0);
	turn_for(SHORT_MS, false);
	if (told)
		fail_msg("told of: %s", command);
}

static void guard__what_goes__is_told(void **state)
{
	(void)state;
	assert_told("ip rule del pref 4800");
	assert_told("ip -6 rule del pref 4800");
	assert_told("ip route del 192.0.2.0/24 table 77");
	assert_told("ip -6 route flush table 77");
	assert_told("nft flush ruleset");
	assert_told("ip -6 addr add 2001:db8:1::1/128 dev lo nodad");
}

/* lo takes the routes of IPv4 with it, of which nobody tells. */
static void guard__lo_that_went_down__is_told(void **state)
{
	(void)state;
	assert_int_equal(system("echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6"), 0);
	turn_for(SHORT_MS, false);
	assert_told("ip link set lo down; ip link set lo up");
	assert_int_equal(system("test -z \"$(ip route show table 77)\""), 0);
	assert_not_told("ip link set v0 down; ip link set v0 up");
}

static void guard__table_in_one_message_with_others__is_told(void **state)
{
	(void)state;
	assert_told("nft 'add table inet a; add chain inet a x; delete table inet gw'");
}

static void guard__many_at_once__are_told_once(void **state)
{
	(void)state;
	assert_told(
		"for i in 1 2 3 4 5; do ip rule add pref 50 lookup 5; ip rule del pref 50; done");
	turn_for(SHORT_MS, false);
	assert_int_equal(told, 1);
}

static void guard__what_is_no_loss__is_not_told(void **state)
{
	(void)state;
	assert_not_told("ip rule add pref 4900 lookup 78");
	assert_not_told("ip route del 198.51.100.0/24");
	assert_not_told("ip route add 198.51.100.0/24 dev lo proto 231");
	assert_not_told("nft 'add table inet b; delete chain inet gw c'");
	assert_not_told("ip -6 addr add 2001:db8:2::1/64 dev v0 nodad");
}

static void guard_skip(void **state)
{
	(void)state;
	skip();
}

static bool can(void)
{
	int fd = netns_new();

	if (fd < 0)
		return false;
	close(fd);
	return netns_has_veth() && system("nft list tables >/dev/null") == 0;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(guard__what_goes__is_told),
		CASE(guard__lo_that_went_down__is_told),
		CASE(guard__table_in_one_message_with_others__is_told),
		CASE(guard__many_at_once__are_told_once),
		CASE(guard__what_is_no_loss__is_not_told),
	};
	const struct CMUnitTest none[] = { cmocka_unit_test(guard_skip) };

	return can() ? cmocka_run_group_tests(tests, NULL, NULL)
		     : cmocka_run_group_tests(none, NULL, NULL);
}
