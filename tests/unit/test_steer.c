// SPDX-License-Identifier: GPL-2.0-or-later
// The sk_lookup program's verdicts, on real traffic between a client and a gateway.
#include "steer_bed.h"

static void steer__captured_tcp__comes_with_its_destination(void **state)
{
	(void)state;
	check_tcp(&gateway, "198.51.100.10", 80);
	check_tcp(&gateway, "2001:db8::10", 443);
	check_tcp(&gateway, "198.51.100.10", 7893);
	assert_int_equal(count()->captured_tcp, 3);
	assert_int_equal(count()->failed, 0);
}

static void steer__captured_udp__comes_with_its_destination(void **state)
{
	(void)state;
	send_udp(5000, "198.51.100.10", 53, 100);
	check_udp(&gateway, "198.51.100.10", 53, 100);
	send_udp(5000, "2001:db8::10", 443, 100);
	check_udp(&gateway, "2001:db8::10", 443, 100);
	assert_int_equal(count()->captured_udp, 2);
}

static void steer__fragments__come_whole(void **state)
{
	(void)state;
	send_udp(5000, "198.51.100.10", 53, 5000);
	check_udp(&gateway, "198.51.100.10", 53, 5000);
	send_udp(5000, "2001:db8::10", 53, 5000);
	check_udp(&gateway, "2001:db8::10", 53, 5000);
	assert_int_equal(count()->captured_udp, 2);
}

static void steer__own_addresses__are_left_alone(void **state)
{
	(void)state;
	check_own_service("10.9.0.1");
	check_own_service("fd09::1");
	assert_int_equal(count()->captured_tcp + count()->captured_udp, 0);
	assert_true(count()->own >= 4);
}

static void steer__another_interface__is_left_alone(void **state)
{
	int service = bound(SOCK_STREAM, "127.0.0.1", 80);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 to = at("127.0.0.1", 80);
	__u64 before = count()->elsewhere;

	(void)state;
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(count()->elsewhere, before + 1);
	close(fd);
	close(service);
}

static void steer__other_protocol_of_a_captured_interface__is_left_alone(void **state)
{
	struct listener service = { .tcp = { bound(SOCK_STREAM, "::", 80) }, .n = 1 };
	__u64 before;

	(void)state;
	capture(steer, "g0", false, true);
	before = count()->elsewhere;
	check_tcp(&service, "198.51.100.10", 80);
	assert_int_equal(count()->elsewhere, before + 1);
	send_udp(5000, "198.51.100.10", 53, 10);
	check_udp(&gateway, "198.51.100.10", 53, 10);
	close(service.tcp[0]);
}

static void steer__nobody_listens__is_dropped(void **state)
{
	(void)state;
	close_listener(&gateway);
	check_dropped("10.9.0.2", "198.51.100.10", &counters.no_listener);
	check_dropped("fd09::2", "2001:db8::10", &counters.no_listener);
	send_udp(5000, "198.51.100.10", 53, 10);
	await(&counters.no_listener, 2, 1);
}

static void steer__deaf_slot__is_dropped(void **state)
{
	(void)state;
	steer_deaf(steer, 0);
	check_dropped("10.9.0.2", "198.51.100.10", &counters.no_listener);
	check_dropped("fd09::2", "2001:db8::10", &counters.no_listener);
	assert_int_equal(steer_listen(steer, 0, gateway.tcp, gateway.udp, WORKERS), 0);
	check_tcp(&gateway, "198.51.100.10", 80);
}

/* A socket that takes no IPv4. */
static void steer__kernel_refuses_the_socket__is_dropped(void **state)
{
	int only6[1] = { bound(SOCK_STREAM, "::1", 7894) };

	(void)state;
	assert_int_equal(steer_listen(steer, 0, only6, NULL, 1), 0);
	check_dropped("10.9.0.2", "198.51.100.10", &counters.failed);
	close(only6[0]);
}

static void steer__from_an_own_address__is_a_loop_and_dropped(void **state)
{
	(void)state;
	netns_ip("addr add fd0a::1/128 dev lo nodad");
	tell_own(steer);
	netns_enter(client_ns);
	netns_ip("addr add fd0a::1/128 dev lo nodad");
	netns_enter(gate_ns);
	check_dropped("fd0a::1", "2001:db8::10", &counters.loops);
	check_tcp(&gateway, "2001:db8::10", 80);
}

/* What the machine itself sends, rerouted to it by a mark. */
static void steer__local_interface__is_captured(void **state)
{
	struct sockaddr_in6 me = at("10.9.0.1", 0), to = at("198.51.100.10", 80), local;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), got, mark = 16;
	socklen_t len = sizeof(local);
	unsigned worker;

	(void)state;
	netns_ip("rule add fwmark 16 lookup 100");
	capture(steer, "lo", true, true);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof(me)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(errno, EINPROGRESS);
	worker = which(gateway.tcp, WORKERS);
	got = accept4(gateway.tcp[worker], NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(getsockname(got, (struct sockaddr *)&local, &len), 0);
	check_address(&local, "198.51.100.10", 80);
	close(got);
	close(fd);
}

static void steer_worker__is_the_one_that_gets_the_datagram(void **state)
{
	static const char *const to[] = { "198.51.100.10", "203.0.113.7", "2001:db8::10" };
	unsigned seen[WORKERS] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 96; i++) {
		const char *ip = to[i % 3];
		uint16_t port = (uint16_t)(2000 + 37 * i), worker;
		uint8_t from[16];

		inet_pton(strchr(ip, ':') ? AF_INET6 : AF_INET, client_ip(ip), from);
		send_udp(port, ip, 53, 10);
		worker = (uint16_t)check_udp(&gateway, ip, 53, 10);
		seen[worker]++;
		assert_int_equal(steer_worker(from, strchr(ip, ':') ? 16 : 4, port, WORKERS),
				 worker);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_true(seen[i] >= 8);
}

static void steer_worker__ipv4__is_as_mapped(void **state)
{
	static const uint8_t ip[4] = { 10, 9, 0, 2 };
	struct sockaddr_in6 sa = at("10.9.0.2", 0);

	(void)state;
	for (unsigned port = 0; port < 1000; port++)
		assert_int_equal(steer_worker(ip, 4, (uint16_t)port, 250),
				 steer_worker(sa.sin6_addr.s6_addr, 16, (uint16_t)port, 250));
	assert_int_equal(steer_worker(ip, 4, 7, 1), 0);
	assert_int_equal(steer_worker(ip, 4, 7, 0), 0);
}

/* The counts of n cells that items fell into by chance: chi-squared is about n. */
static void steer_worker__addresses_in_a_row__spread_evenly(void **state)
{
	enum { CELLS = 16, ITEMS = 16000 };
	unsigned seen[CELLS] = { 0 };
	double chi = 0;

	(void)state;
	for (unsigned i = 0; i < ITEMS; i++) {
		uint8_t ip[4] = { 192, 168, (uint8_t)(i >> 6 & 255), (uint8_t)(i & 63) };

		seen[steer_worker(ip, 4, 40000, CELLS)]++;
	}
	for (unsigned i = 0; i < CELLS; i++) {
		double off = (double)seen[i] - ITEMS / CELLS;

		chi += off * off * CELLS / ITEMS;
	}
	assert_true(chi < 45); /* by chance: once in ten thousand */
}

static void steer__tcp__is_spread_over_workers(void **state)
{
	unsigned seen[WORKERS] = { 0 };

	(void)state;
	for (int i = 0; i < 40; i++) {
		seen[check_tcp(&gateway, "198.51.100.10", 80)]++;
		seen[check_tcp(&gateway, "2001:db8::10", 80)]++;
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_true(seen[i] > 0);
	assert_int_equal(count()->captured_tcp, 80);
}

static void steer_listen__fewer_workers__old_ones_get_nothing(void **state)
{
	struct listener now = open_listener(2, 7894);

	(void)state;
	assert_int_equal(steer_listen(steer, 0, now.tcp, now.udp, 2), 0);
	for (int i = 0; i < 20; i++) {
		check_tcp(&now, "198.51.100.10", 80);
		send_udp((uint16_t)(3000 + i), "2001:db8::10", 53, 10);
		check_udp(&now, "2001:db8::10", 53, 10);
	}
	assert_int_equal(steer_listen(steer, 0, gateway.tcp, gateway.udp, WORKERS), 0);
	for (int i = 0; i < 10; i++)
		check_tcp(&gateway, "198.51.100.10", 80);
	close_listener(&now);
}

static void steer_listen__no_udp__udp_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(steer_listen(steer, 0, gateway.tcp, NULL, WORKERS), 0);
	check_tcp(&gateway, "198.51.100.10", 80);
	send_udp(5000, "198.51.100.10", 53, 10);
	await(&counters.no_listener, 0, 1);
}

static void steer_listen__what_is_no_socket__is_refused_and_the_slot_deaf(void **state)
{
	int none[WORKERS] = { -1, -1, -1, -1 };

	(void)state;
	assert_int_equal(steer_listen(steer, STEER_SLOTS, gateway.tcp, NULL, 1), -EINVAL);
	assert_int_equal(steer_listen(steer, 0, gateway.tcp, NULL, STEER_WORKERS + 1), -EINVAL);
	check_tcp(&gateway, "198.51.100.10", 80);
	assert_true(steer_listen(steer, 0, none, NULL, WORKERS) < 0);
	check_dropped("10.9.0.2", "198.51.100.10", &counters.no_listener);
}

static void steer_interfaces__replaces_all(void **state)
{
	struct listener service = { .tcp = { bound(SOCK_STREAM, "::", 80) }, .n = 1 };

	(void)state;
	assert_int_equal(steer_interfaces(steer, NULL, 0), 0);
	check_tcp(&service, "198.51.100.10", 80);
	close(service.tcp[0]);
	capture(steer, "g0", true, true);
	check_tcp(&gateway, "198.51.100.10", 80);
}

static void add_own(struct prefix_list *l, const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, strlen(text), &p), 0);
	assert_int_equal(prefix_list_add(l, &p), 0);
}

static void steer_own__replaces_all(void **state)
{
	struct listener service = { .tcp = { bound(SOCK_STREAM, "::", 80) }, .n = 1 };
	struct prefix_list own = { 0 };

	(void)state;
	add_own(&own, "198.51.100.0/24");
	add_own(&own, "2001:db8:1::/48");
	assert_int_equal(steer_own(steer, &own), 0);
	check_tcp(&service, "198.51.100.10", 80);
	check_tcp(&service, "2001:db8:1:5::9", 80);
	check_tcp(&gateway, "2001:db8:2:5::9", 80);
	check_tcp(&gateway, "10.9.0.1", 80);
	own.n = 0;
	for (unsigned i = 0; i < 3000; i++) {
		char text[40];

		snprintf(text, sizeof(text), "172.%u.%u.1", 16 + i / 256, i % 256);
		add_own(&own, text);
	}
	assert_int_equal(steer_own(steer, &own), 0);
	check_tcp(&gateway, "198.51.100.10", 80);
	check_tcp(&gateway, "2001:db8:1:5::9", 80);
	check_tcp(&service, "172.27.183.1", 80);
	tell_own(steer);
	check_tcp(&gateway, "172.27.183.1", 80);
	check_own_service("10.9.0.1");
	prefix_list_done(&own);
	close(service.tcp[0]);
}

static const struct steer_ports ports[] = { { 443, 443 }, { 20000, 30000 }, { 65535, 65535 } };

static void steer_targets__ports_of_own_addresses__come_to_the_server(void **state)
{
	static const char *const own[] = { "10.9.0.1", "fd09::1" };
	struct listener server = open_listener(2, 7894);

	(void)state;
	assert_int_equal(steer_targets(steer, 1, ports, 3, NULL), 0);
	assert_int_equal(steer_listen(steer, 1, server.tcp, NULL, 2), 0);
	for (int i = 0; i < 2; i++) {
		check_tcp(&server, own[i], 443);
		check_tcp(&server, own[i], 20000);
		check_tcp(&server, own[i], 30000);
		check_tcp(&server, own[i], 65535);
		check_refused(own[i], 442);
		check_refused(own[i], 19999);
		check_refused(own[i], 30001);
		check_own_service(own[i]);
	}
	assert_int_equal(count()->steered, 8);
	check_tcp(&gateway, "198.51.100.10", 443);
	assert_int_equal(count()->captured_tcp, 1);
	close_listener(&server);
	check_refused("10.9.0.1", 443); /* the machine's own address, so not dropped */
}

static void steer_targets__replaced__old_ports_are_left_alone(void **state)
{
	struct listener server = open_listener(2, 7894);

	(void)state;
	assert_int_equal(steer_targets(steer, 1, ports, 3, NULL), 0);
	assert_int_equal(steer_listen(steer, 1, server.tcp, NULL, 2), 0);
	check_tcp(&server, "10.9.0.1", 25000);
	assert_int_equal(steer_targets(steer, 1, ports, 1, NULL), 0);
	check_tcp(&server, "10.9.0.1", 443);
	check_refused("10.9.0.1", 25000);
	assert_int_equal(steer_targets(steer, 1, NULL, 0, NULL), 0);
	check_refused("10.9.0.1", 443);
	assert_int_equal(steer_targets(steer, STEER_SLOTS, ports, 1, NULL), -EINVAL);
	close_listener(&server);
}

static void steer_targets__with_addresses__only_they_come(void **state)
{
	struct listener server = open_listener(2, 7894), other = open_listener(2, 7895);
	struct prefix_list to = { 0 };

	(void)state;
	netns_ip("route add local 192.0.2.0/24 dev lo table local");
	tell_own(steer);
	add_own(&to, "192.0.2.0/25");
	assert_int_equal(steer_targets(steer, 1, ports, 1, &to), 0);
	assert_int_equal(steer_listen(steer, 1, server.tcp, NULL, 2), 0);
	to.n = 0;
	add_own(&to, "192.0.2.128/25");
	add_own(&to, "fd09::1");
	assert_int_equal(steer_targets(steer, 2, ports, 1, &to), 0);
	assert_int_equal(steer_listen(steer, 2, other.tcp, NULL, 2), 0);
	check_tcp(&server, "192.0.2.7", 443);
	check_tcp(&other, "192.0.2.200", 443);
	check_tcp(&other, "fd09::1", 443);
	check_refused("10.9.0.1", 443);
	to.n = 1; /* not fd09::1 any more */
	assert_int_equal(steer_targets(steer, 2, ports, 1, &to), 0);
	check_refused("fd09::1", 443);
	check_tcp(&other, "192.0.2.200", 443);
	check_tcp(&server, "192.0.2.7", 443);
	prefix_list_done(&to);
	close_listener(&server);
	close_listener(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		steer_test(steer__captured_tcp__comes_with_its_destination),
		steer_test(steer__captured_udp__comes_with_its_destination),
		steer_test(steer__fragments__come_whole),
		steer_test(steer__own_addresses__are_left_alone),
		steer_test(steer__another_interface__is_left_alone),
		steer_test(steer__other_protocol_of_a_captured_interface__is_left_alone),
		steer_test(steer__nobody_listens__is_dropped),
		steer_test(steer__deaf_slot__is_dropped),
		steer_test(steer__kernel_refuses_the_socket__is_dropped),
		steer_test(steer__from_an_own_address__is_a_loop_and_dropped),
		steer_test(steer__local_interface__is_captured),
		steer_test(steer_worker__is_the_one_that_gets_the_datagram),
		steer_test(steer_worker__ipv4__is_as_mapped),
		steer_test(steer_worker__addresses_in_a_row__spread_evenly),
		steer_test(steer__tcp__is_spread_over_workers),
		steer_test(steer_listen__fewer_workers__old_ones_get_nothing),
		steer_test(steer_listen__no_udp__udp_is_dropped),
		steer_test(steer_listen__what_is_no_socket__is_refused_and_the_slot_deaf),
		steer_test(steer_interfaces__replaces_all),
		steer_test(steer_own__replaces_all),
		steer_test(steer_targets__ports_of_own_addresses__come_to_the_server),
		steer_test(steer_targets__replaced__old_ports_are_left_alone),
		steer_test(steer_targets__with_addresses__only_they_come),
	};

	return steer_bed_run("steer", tests, sizeof(tests) / sizeof(*tests));
}
