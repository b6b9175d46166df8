// SPDX-License-Identifier: GPL-2.0-or-later
// Own addresses: what is one, that changes are told of and nothing else is, in a namespace.
#include <arpa/inet.h>
#include <sys/socket.h>

#include "netns_bed.h"

#include "net/own.h"

static struct loop *loop;
static struct own *own;
static struct own_watch watch;
static unsigned told, links_told;
static struct prefix_list last;
static bool takes; /* what is told */
static char why[200];

static bool on_addresses(struct own_watch *w, const struct prefix_list *list)
{
	assert_ptr_equal(w, &watch);
	told++;
	prefix_list_done(&last);
	assert_int_equal(prefix_list_add_all(&last, list), 0);
	return takes;
}

static bool on_links(struct own_watch *w)
{
	assert_ptr_equal(w, &watch);
	links_told++;
	return takes;
}

static int set_up(void **state)
{
	(void)state;
	close(netns_new());
	netns_ip("link add v0 type veth peer name v1");
	netns_ip("link set v0 up");
	netns_ip("link set v1 up");
	told = links_told = 0;
	takes = true;
	watch = (struct own_watch){ .addresses = on_addresses, .links = on_links };
	loop = loop_new();
	return loop ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	own_stop(own);
	own = NULL;
	loop_free(loop);
	prefix_list_done(&last);
	return 0;
}

static void start(void)
{
	own = own_start(loop, &watch, why, sizeof(why));
	if (!own)
		fail_msg("%s", why);
}

/* Turns until nothing happens any more. */
static void settle(void)
{
	for (unsigned before = ~0U; before != told + links_told;) {
		before = told + links_told;
		for (int i = 0; i < 5; i++)
			loop_turn(loop, 20);
	}
}

static bool has_in(const struct prefix_list *l, const char *text)
{
	uint8_t ip[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	assert_int_equal(inet_pton(family, text, ip), 1);
	return prefix_list_has(l, ip, family == AF_INET ? 4 : 16);
}

static bool has(const char *text)
{
	return has_in(&last, text);
}

static void own_read__addresses_and_table_local__are_own(void **state)
{
	static const char *const yes[] = { "127.0.0.1",	  "127.9.9.9",	 "::1",
					   "10.9.0.1",	  "10.9.0.255",	 "10.8.0.1",
					   "fd09::1",	  "192.0.2.77",	 "2001:db8:5::77",
					   "0.0.0.0",	  "::",		 "255.255.255.255",
					   "224.0.0.251", "239.255.0.1", "ff02::1",
					   "ff05::2" };
	static const char *const no[] = { "10.9.0.2", "10.8.0.2",     "198.51.100.10",
					  "fd09::2",  "2001:db8::10", "203.0.113.1" };
	struct prefix_list l;

	(void)state;
	netns_ip("addr add 10.9.0.1/24 dev v0 brd +");
	netns_ip("addr add 10.8.0.1 peer 10.8.0.2/32 dev v0");
	netns_ip("addr add fd09::1/64 dev v0 nodad");
	netns_ip("route add local 192.0.2.0/24 dev lo table local");
	netns_ip("-6 route add local 2001:db8:5::/64 dev lo table local");
	netns_ip("route add unreachable 203.0.113.0/24 table local");
	netns_ip("route add local 198.51.100.0/24 dev lo table 100");
	assert_int_equal(own_read(&l), 0);
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!has_in(&l, yes[i]))
			fail_msg("%s is none", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (has_in(&l, no[i]))
			fail_msg("%s is one", no[i]);
	prefix_list_done(&l);
}

/* Its addresses are in no table "local", but in the VRF's. */
static void own_read__address_in_a_vrf__is_own(void **state)
{
	struct prefix_list l;

	(void)state;
	if (system("ip link add red type vrf table 7 2>/dev/null") != 0) {
		print_message("no VRFs\n");
		skip();
	}
	netns_ip("link set red up");
	netns_ip("link set v0 master red");
	netns_ip("addr add 10.9.0.1/24 dev v0");
	assert_int_equal(own_read(&l), 0);
	assert_true(has_in(&l, "10.9.0.1"));
	prefix_list_done(&l);
}

static void own_read__nothing_is_up__fixed_ones_are_there(void **state)
{
	struct prefix_list l;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(own_read(&l), 0);
	assert_true(has_in(&l, "255.255.255.255"));
	assert_true(has_in(&l, "ff02::1"));
	assert_false(has_in(&l, "127.0.0.1"));
	prefix_list_done(&l);
}

static void own_start__tells_of_both_at_once(void **state)
{
	(void)state;
	start();
	assert_int_equal(told, 1);
	assert_int_equal(links_told, 1);
	assert_true(has("127.0.0.1"));
}

static void own_watch__address_comes_and_goes__is_told(void **state)
{
	(void)state;
	start();
	settle();
	netns_ip("addr add 10.9.0.1/24 dev v0");
	netns_ip("addr add fd09::1/64 dev v0 nodad");
	settle();
	assert_true(has("10.9.0.1"));
	assert_true(has("fd09::1"));
	netns_ip("addr del 10.9.0.1/24 dev v0");
	settle();
	assert_false(has("10.9.0.1"));
	assert_true(has("fd09::1"));
}

static void own_watch__local_route__is_told(void **state)
{
	(void)state;
	start();
	settle();
	netns_ip("route add local 192.0.2.0/24 dev lo table local");
	settle();
	assert_true(has("192.0.2.77"));
	netns_ip("-6 route add local 2001:db8:5::/64 dev lo table local");
	settle();
	assert_true(has("2001:db8:5::1"));
	netns_ip("route del local 192.0.2.0/24 dev lo table local");
	settle();
	assert_false(has("192.0.2.77"));
}

/* Of all netlink sockets of the namespace: bytes that wait, and messages that were lost. */
static void netlink_queues(unsigned *bytes, unsigned *lost)
{
	FILE *f = fopen("/proc/thread-self/net/netlink", "r");
	char line[200];
	unsigned b, l;

	assert_non_null(f);
	*bytes = *lost = 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s %u %*s %*s %*s %u", &b, &l) == 2) {
			*bytes += b;
			*lost += l;
		}
	fclose(f);
}

/* In a file, for a process a route would take its time. */
static void add_routes(unsigned n)
{
	FILE *f = popen("ip -batch -", "w");

	assert_non_null(f);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "route add 172.%u.%u.0/24 dev v0\n", 16 + i / 256, i % 256);
	assert_int_equal(pclose(f), 0);
}

static void own_watch__routes_of_other_tables__wake_nobody(void **state)
{
	unsigned bytes, lost;

	(void)state;
	start();
	settle();
	add_routes(1000);
	netns_ip("-6 route add 2001:db8:7::/64 dev v0");
	netlink_queues(&bytes, &lost);
	assert_int_equal(bytes, 0);
	netns_ip("route add local 192.0.2.0/24 dev lo table local");
	netlink_queues(&bytes, &lost);
	assert_true(bytes > 0);
}

static void own_watch__many_changes_before_a_turn__are_told_once(void **state)
{
	unsigned before;

	(void)state;
	start();
	settle();
	before = told;
	for (int i = 1; i < 20; i++) {
		char line[60];

		snprintf(line, sizeof(line), "addr add 10.9.0.%d/32 dev v0", i);
		netns_ip(line);
	}
	settle();
	assert_int_equal(told, before + 1);
	assert_true(has("10.9.0.19"));
}

static void own_watch__messages_lost__all_is_read_anew(void **state)
{
	unsigned bytes, lost;
	FILE *f;

	(void)state;
	start();
	settle();
	f = popen("ip -batch -", "w");
	assert_non_null(f);
	for (unsigned i = 0; i < 3000; i++)
		fprintf(f, "addr add 10.%u.%u.1/32 dev v0\n", 100 + i / 256, i % 256);
	assert_int_equal(pclose(f), 0);
	netns_ip("link set v1 mtu 1400");
	netlink_queues(&bytes, &lost);
	assert_true(lost > 0);
	links_told = 0;
	settle();
	assert_true(has("10.111.183.1")); /* the last one */
	assert_true(links_told > 0);
}

static void own_watch__interfaces__are_told(void **state)
{
	(void)state;
	start();
	settle();
	links_told = 0;
	netns_ip("link add w0 type veth peer name w1");
	settle();
	assert_true(links_told > 0);
	links_told = 0;
	netns_ip("link set w0 name w2");
	settle();
	assert_true(links_told > 0);
	links_told = 0;
	netns_ip("link del w2");
	settle();
	assert_true(links_told > 0);
}

static void turn_until_told_again(void)
{
	for (int i = 0; i < 80 && (!told || !links_told); i++)
		loop_turn(loop, 100);
}

/* A map has no room: that must not wait for the next change. */
static void own_watch__news_that_is_not_taken__is_told_again(void **state)
{
	(void)state;
	takes = false;
	start();
	netns_ip("addr add 10.9.0.1/24 dev v0");
	netns_ip("link set v1 mtu 1400");
	settle();
	takes = true;
	told = links_told = 0;
	turn_until_told_again();
	assert_int_equal(told, 1);
	assert_int_equal(links_told, 1);
	assert_true(has("10.9.0.1"));
}

static bool stop_there(struct own_watch *w, const struct prefix_list *list)
{
	(void)list;
	told++;
	own_stop(own);
	own = NULL;
	w->links = NULL;
	return false;
}

static void own_stop__in_a_callback__is_the_last_one(void **state)
{
	(void)state;
	start();
	settle();
	told = 0;
	watch.addresses = stop_there;
	netns_ip("link set v1 down");
	netns_ip("addr add 10.9.0.1/24 dev v0");
	settle();
	netns_ip("addr add 10.9.0.2/24 dev v0");
	settle();
	assert_int_equal(told, 1);
}

#define own_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void lacking(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_test(own_read__addresses_and_table_local__are_own),
		own_test(own_read__address_in_a_vrf__is_own),
		own_test(own_read__nothing_is_up__fixed_ones_are_there),
		own_test(own_start__tells_of_both_at_once),
		own_test(own_watch__address_comes_and_goes__is_told),
		own_test(own_watch__local_route__is_told),
		own_test(own_watch__routes_of_other_tables__wake_nobody),
		own_test(own_watch__many_changes_before_a_turn__are_told_once),
		own_test(own_watch__messages_lost__all_is_read_anew),
		own_test(own_watch__interfaces__are_told),
		own_test(own_watch__news_that_is_not_taken__is_told_again),
		own_test(own_stop__in_a_callback__is_the_last_one),
	};
	const struct CMUnitTest none[] = { { .name = "own", .test_func = lacking } };
	int fd = netns_new();

	if (fd < 0 || !netns_has_veth())
		return cmocka_run_group_tests(none, NULL, NULL);
	close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
