// SPDX-License-Identifier: GPL-2.0-or-later
// Captured datagrams of clients and answers of servers that mean no good.
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "udp_bed.h"

#define SERVER4 "198.51.100.7"
#define SERVER6 "2001:db8::7"

/* A service of this machine that shares its port with nobody. */
static int service_at(const char *ip, uint16_t *ret_port)
{
	union sockaddr_any a = udp_bed_address(ip, 0);
	socklen_t len = sizeof(a);
	int fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, &a.sa, sockaddr_len(&a)), 0);
	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	*ret_port = sockaddr_port(&a);
	return fd;
}

static void answer__as_from_a_service_of_this_machine__is_dropped(void **state)
{
	static const struct {
		const char *server, *bound_to, *own;
	} cases[] = { { SERVER4, UDP_BED_CLIENT4, UDP_BED_CLIENT4 },
		      { SERVER4, "0.0.0.0", UDP_BED_CLIENT4 },
		      { SERVER4, "0.0.0.0", "127.0.0.1" },
		      { SERVER6, UDP_BED_CLIENT6, UDP_BED_CLIENT6 },
		      { SERVER6, "::", UDP_BED_CLIENT6 } };
	struct udp_bed *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[256], from[SOCKADDR_TEXT_MAX];
		int client = udp_bed_client_open(strchr(cases[i].own, ':') ? UDP_BED_CLIENT6
									   : UDP_BED_CLIENT4);
		uint16_t port;
		int service = service_at(cases[i].bound_to, &port);

		udp_bed_send_to(b, client, cases[i].server, "one");
		udp_bed_settle(b);
		assert_string_equal(udp_bed_received(client, text, from), "one");
		udp_bed_answer(udp_bed_last_far(b), cases[i].own, port, "forged");
		udp_bed_settle(b);
		assert_string_equal(udp_bed_received(client, text, from), "");
		assert_int_equal(udp_bed_dropped(b), i + 1);
		close(client);
		close(service);
	}
}

static void answers__client_is_gone__each_is_counted_once(void **state)
{
	static const size_t sizes[] = { 3, 3, 5, 5, 9 }; /* the second run is refused */
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	struct udp_bed_far *far;

	udp_bed_exchange(b, fd, "x");
	close(fd);
	far = udp_bed_last_far(b);
	for (int i = 0; i < 5; i++)
		far->p.peer->ops->send(far->p.peer, &far->last_to, (const uint8_t *)"abcdefghi",
				       sizes[i]);
	udp_bed_settle(b);
	assert_int_equal(b->program.n_udp_flows, 0);
	assert_int_equal(b->workers[0].counters.udp_answered, 1 + 2);
	assert_int_equal(udp_bed_dropped(b), 3);
}

static void answer__from_where_a_rule_rejects__is_dropped(void **state)
{
	struct config_rule rule = { .action = RULE_REJECT };
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4);
	char text[256], from[SOCKADDR_TEXT_MAX], why[100];
	struct prefix rejected;

	assert_int_equal(prefix_parse("203.0.113.0/24", 14, &rejected), 0);
	prefix_list_add(&rule.to, &rejected);
	b->config.rules = &rule;
	b->config.n_rules = 1;
	pthread_mutex_init(&b->program.routes.lock, NULL);
	route_slot_set(&b->program.routes, route_new(&b->config, why, sizeof(why)));
	udp_bed_exchange(b, fd, "x");
	udp_bed_answer(udp_bed_last_far(b), "203.0.113.9", 1000, "a way around the rule");
	udp_bed_settle(b);
	assert_string_equal(udp_bed_received(fd, text, from), "");
	assert_int_equal(udp_bed_dropped(b), 1);
	assert_int_equal(b->program.n_udp_flows, 1);
	route_unref(b->workers[0].route);
	route_slot_set(&b->program.routes, NULL);
	prefix_list_done(&rule.to);
	b->config.n_rules = 0;
	close(fd);
}

/* Of another client, who is answered. */
static int other_client(struct udp_bed *b)
{
	int fd = udp_bed_client(b, SERVER6);

	udp_bed_exchange(b, fd, "other");
	clock_freeze_ms(clock_now_ms() + 10);
	return fd;
}

static void answers__of_many_strangers_at_the_limit_of_flows__no_others_flow_goes(void **state)
{
	struct udp_bed *b = *state;
	int other = other_client(b), fd = udp_bed_client(b, SERVER4);

	b->config.limits.udp_flows = 2 + 32;
	udp_bed_exchange(b, fd, "x");
	for (uint16_t i = 0; i < 100; i++)
		udp_bed_answer(udp_bed_last_far(b), "203.0.113.9", (uint16_t)(1000 + i),
			       "stranger");
	assert_int_equal(b->workers[0].counters.udp_evicted, 0);
	assert_int_equal(udp_bed_dropped(b), 0);
	udp_bed_exchange(b, fd, "y");
	udp_bed_exchange(b, other, "z");
	assert_int_equal(b->n_made, 2);
	close(fd);
	close(other);
}

static uint16_t sum16(const uint8_t *p, size_t n)
{
	uint32_t s = 0;

	for (size_t i = 0; i < n; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	return htons((uint16_t) ~((s & 0xffff) + (s >> 16)));
}

/* What a router on the way from a server to a client says of a datagram that is too large for it.
 */
static void too_large(struct udp_bed *b, const char *server, int client)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		struct udphdr udp;
	} m = { .icmp = { .type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED } };
	union sockaddr_any from = udp_bed_address(server, 0), to;
	socklen_t len = sizeof(to);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	assert_int_equal(getsockname(client, &to.sa, &len), 0);
	m.icmp.un.frag.mtu = htons(1000);
	m.ip = (struct iphdr){ .version = 4,
			       .ihl = 5,
			       .ttl = 60,
			       .protocol = IPPROTO_UDP,
			       .tot_len = htons(1400),
			       .saddr = from.in.sin_addr.s_addr,
			       .daddr = to.in.sin_addr.s_addr };
	m.ip.check = sum16((const uint8_t *)&m.ip, sizeof(m.ip));
	m.udp = (struct udphdr){ .source = htons(b->port),
				 .dest = htons(sockaddr_port(&to)),
				 .len = htons(1380) };
	m.icmp.checksum = sum16((const uint8_t *)&m, sizeof(m));
	assert_int_equal(sendto(fd, &m, sizeof(m), 0, &from.sa, sockaddr_len(&from)), sizeof(m));
	close(fd);
}

static void answers__too_large_for_the_way_to_the_client__the_flow_stays(void **state)
{
	struct udp_bed *b = *state;
	int fd = udp_bed_client(b, SERVER4), error = 0;
	union sockaddr_any client, dst = udp_bed_address(SERVER4, b->port);
	socklen_t len = sizeof(client);
	struct udp_flow *f;

	udp_bed_exchange(b, fd, "x");
	assert_int_equal(getsockname(fd, &client.sa, &len), 0);
	f = udp_flow_find(udp_bed_udp(b), &client, &dst);
	too_large(b, SERVER4, fd);
	len = sizeof(error);
	assert_int_equal(getsockopt(f->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	assert_int_equal(error, EMSGSIZE); /* it is told of it; this takes the error off */
	too_large(b, SERVER4, fd);
	udp_bed_settle(b);
	assert_ptr_equal(udp_flow_find(udp_bed_udp(b), &client, &dst), f);
	udp_bed_exchange(b, fd, "y");
	assert_int_equal(b->n_made, 1);
	close(fd);
}

static struct worker *worker_of(struct udp_bed *b, const union sockaddr_any *client)
{
	size_t n;
	const uint8_t *ip = sockaddr_ip(client, &n);

	return &b->workers[steer_worker(ip, n, sockaddr_port(client), b->n_workers)];
}

/* A client of that worker. */
static int client_of(struct udp_bed *b, unsigned worker, union sockaddr_any *ret)
{
	for (;;) {
		int fd = udp_bed_client(b, SERVER4);
		socklen_t len = sizeof(*ret);

		assert_int_equal(getsockname(fd, &ret->sa, &len), 0);
		if (worker_of(b, ret)->id == worker)
			return fd;
		close(fd);
	}
}

static void turn(struct udp_bed *b)
{
	for (int i = 0; i < 4; i++)
		loop_turn(b->workers[i % 2].loop, 0);
}

static void captured__of_another_workers_client_on_a_reply_socket__goes_there(void **state)
{
	struct udp_bed *b = udp_bed_new_of(2);
	union sockaddr_any ours, theirs, dst = udp_bed_address(SERVER4, b->port);
	int one = client_of(b, 0, &ours), two = client_of(b, 1, &theirs);
	char text[256], from[SOCKADDR_TEXT_MAX];
	struct udp_flow *f;

	(void)state;
	assert_int_equal(send(one, "one", 3, 0), 3);
	turn(b);
	f = udp_flow_find(b->transparents[0].udp, &ours, &dst);
	assert_non_null(f);
	/* as between bind() and connect() */
	assert_int_equal(connect(f->watch.fd, &(struct sockaddr){ .sa_family = AF_UNSPEC },
				 sizeof(struct sockaddr)),
			 0);
	assert_int_equal(send(two, "two", 3, 0), 3);
	assert_int_equal(connect(f->watch.fd, &ours.sa, sockaddr_len(&ours)), 0);
	turn(b);
	assert_string_equal(udp_bed_received(two, text, from), "two");
	assert_non_null(udp_flow_find(b->transparents[1].udp, &theirs, &dst));
	assert_int_equal(HASH_COUNT(b->transparents[0].udp->flows), 1);
	close(one);
	close(two);
	udp_bed_free(b);
}

static const struct outbound_ops *plenty;

/* One socket at a time. */
static struct packets *scarce(struct outbound *o, const struct flow *f, bool connected,
			      uint32_t timeout_ms)
{
	struct udp_bed *b = container_of(o->w->config, struct udp_bed, config);

	return b->n_fars > 0 ? NULL : plenty->packets(o, f, connected, timeout_ms);
}

static void direct__no_descriptor_for_a_new_client__the_longest_silent_one_goes(void **state)
{
	static const struct outbound_ops ops = { .packets = scarce };
	struct udp_bed *b = *state;
	int one = udp_bed_client(b, SERVER4), two = udp_bed_client(b, SERVER4);

	plenty = b->outbound[0][1].ops;
	b->outbound[0][1].ops = &ops;
	b->config.final_outbound = 1;
	udp_bed_exchange(b, one, "one");
	udp_bed_exchange(b, two, "two");
	assert_int_equal(b->workers[0].counters.udp_evicted, 1);
	assert_int_equal(b->program.n_udp_flows, 1);
	close(one);
	close(two);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, udp_bed_set_up, udp_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(answer__as_from_a_service_of_this_machine__is_dropped),
		bed_test(answers__client_is_gone__each_is_counted_once),
		bed_test(answers__of_many_strangers_at_the_limit_of_flows__no_others_flow_goes),
		bed_test(answers__too_large_for_the_way_to_the_client__the_flow_stays),
		bed_test(answer__from_where_a_rule_rejects__is_dropped),
		bed_test(direct__no_descriptor_for_a_new_client__the_longest_silent_one_goes),
		cmocka_unit_test(captured__of_another_workers_client_on_a_reply_socket__goes_there),
	};

	return udp_bed_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : udp_bed_skip();
}
