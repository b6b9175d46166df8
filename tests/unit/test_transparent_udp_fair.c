// SPDX-License-Identifier: GPL-2.0-or-later
// One client of captured datagrams takes all it can get: the others are served all the same.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "udp_bed.h"

#define SERVER6	 "2001:db8::7"
#define ANOTHER6 "2001:db8::8"
#define FLOWS	 64
#define SESSIONS 16

static int set_up(void **state)
{
	struct udp_bed *b = udp_bed_new();

	b->config.limits.udp_flows = FLOWS;
	b->config.limits.udp_sessions = SESSIONS;
	*state = b;
	return 0;
}

/* Datagrams of one port to many destinations, none of which answers. */
static int flood_flows(struct udp_bed *b, int n)
{
	int fd = udp_bed_client_open(UDP_BED_CLIENT4);

	b->manner = UDP_BED_KEEPS;
	for (int i = 0; i < n; i++) {
		char to[32];

		snprintf(to, sizeof(to), "198.51.%d.%d", 100 + i / 200, 1 + i % 200);
		udp_bed_send_to(b, fd, to, "flood");
		if (i % 20 == 0)
			udp_bed_settle(b);
	}
	udp_bed_settle(b);
	b->manner = UDP_BED_ECHOES;
	return fd;
}

/* Datagrams of many ports. */
static void flood_sessions(struct udp_bed *b, int n, int *fds)
{
	b->manner = UDP_BED_KEEPS;
	for (int i = 0; i < n; i++) {
		fds[i] = udp_bed_client_open(UDP_BED_CLIENT4);
		udp_bed_send_to(b, fds[i], "198.51.100.7", "flood");
	}
	udp_bed_settle(b);
	b->manner = UDP_BED_ECHOES;
}

static void assert_at_once(struct udp_bed *b, int fd, unsigned n_made)
{
	udp_bed_exchange(b, fd, "at once");
	assert_int_equal(b->n_made, n_made);
}

static void flows__one_client_floods__those_of_others_stay(void **state)
{
	struct udp_bed *b = *state;
	int victim = udp_bed_client(b, SERVER6), fd;

	udp_bed_exchange(b, victim, "one");
	clock_freeze_ms(clock_now_ms() + 500);
	fd = flood_flows(b, 3 * FLOWS);
	assert_int_equal(b->program.n_udp_flows, FLOWS);
	assert_at_once(b, victim, 2);
	close(victim);
	close(fd);
}

static void flows__one_client_floods__others_get_new_ones_at_once(void **state)
{
	struct udp_bed *b = *state;
	int victim = udp_bed_client(b, SERVER6), fd = flood_flows(b, 3 * FLOWS);

	assert_int_equal(b->program.n_udp_flows, FLOWS);
	assert_true(udp_bed_udp(b)->n_queue > 0);
	assert_at_once(b, victim, 2);
	assert_int_equal(b->program.n_udp_flows, FLOWS);
	close(victim);
	close(fd);
}

static void sessions__one_client_floods__those_of_others_stay(void **state)
{
	struct udp_bed *b = *state;
	int victim = udp_bed_client(b, SERVER6), fds[2 * SESSIONS];

	udp_bed_exchange(b, victim, "one");
	clock_freeze_ms(clock_now_ms() + 500);
	flood_sessions(b, 2 * SESSIONS, fds);
	assert_int_equal(b->n_fars, SESSIONS);
	assert_at_once(b, victim, SESSIONS);
	close(victim);
	for (int i = 0; i < 2 * SESSIONS; i++)
		close(fds[i]);
}

static void sessions__one_client_floods__others_get_new_ones_at_once(void **state)
{
	struct udp_bed *b = *state;
	int victim = udp_bed_client(b, SERVER6), fds[2 * SESSIONS];

	flood_sessions(b, 2 * SESSIONS, fds);
	assert_int_equal(b->n_fars, SESSIONS);
	assert_true(udp_bed_udp(b)->n_queue > 0);
	assert_at_once(b, victim, SESSIONS + 1);
	assert_int_equal(b->most_fars, SESSIONS);
	close(victim);
	for (int i = 0; i < 2 * SESSIONS; i++)
		close(fds[i]);
}

/* What it did last is what it most likely still does. */
static void flows__of_a_client_that_floods__the_longest_silent_go_first(void **state)
{
	struct udp_bed *b = *state;
	int victim = udp_bed_client(b, SERVER6), fd = flood_flows(b, FLOWS);
	union sockaddr_any client, first = udp_bed_address("198.51.100.1", b->port),
				   second = udp_bed_address("198.51.100.2", b->port);
	socklen_t len = sizeof(client);

	assert_int_equal(getsockname(fd, &client.sa, &len), 0);
	clock_freeze_ms(clock_now_ms() + 10);
	udp_bed_send_to(b, fd, "198.51.100.1", "still in use");
	udp_bed_settle(b);
	udp_bed_exchange(b, victim, "one");
	assert_non_null(udp_flow_find(udp_bed_udp(b), &client, &first));
	assert_null(udp_flow_find(udp_bed_udp(b), &client, &second));
	close(victim);
	close(fd);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, set_up, udp_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(flows__one_client_floods__those_of_others_stay),
		bed_test(flows__one_client_floods__others_get_new_ones_at_once),
		bed_test(flows__of_a_client_that_floods__the_longest_silent_go_first),
		bed_test(sessions__one_client_floods__those_of_others_stay),
		bed_test(sessions__one_client_floods__others_get_new_ones_at_once),
	};

	return udp_bed_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : udp_bed_skip();
}
