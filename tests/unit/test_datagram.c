// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets of captured datagrams: sharing ports, foreign addresses, reading many at once.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "udp_bed.h"

#define FOREIGN	 "198.51.100.7"
#define FOREIGN6 "2001:db8::7"

static int listen_at(union sockaddr_any *a, uint32_t mark)
{
	int fd = -1;
	socklen_t len = sizeof(*a);

	assert_int_equal(datagram_listen(a, mark, true, &fd), 0);
	assert_int_equal(getsockname(fd, &a->sa, &len), 0);
	return fd;
}

static union sockaddr_any any6(void)
{
	return (union sockaddr_any){ .in6 = { .sin6_family = AF_INET6 } };
}

static void datagram_listen__exclusive_where_another_listens__is_eaddrinuse(void **state)
{
	union sockaddr_any a = any6();
	int one = listen_at(&a, 0), two = -1;

	(void)state;
	assert_int_equal(datagram_listen(&a, 0, true, &two), -EADDRINUSE);
	assert_int_equal(two, -1);
	assert_int_equal(datagram_listen(&a, 0, false, &two), 0);
	close(one);
	close(two);
}

static void datagram_listen__mark__is_the_sockets(void **state)
{
	union sockaddr_any a = any6();
	int fd = listen_at(&a, 0x08000000), mark = 0;
	socklen_t len = sizeof(mark);

	(void)state;
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len), 0);
	assert_int_equal(mark, 0x08000000);
	close(fd);
}

static int send_from(const char *own, const char *dst, uint16_t port, const char *text)
{
	union sockaddr_any a = udp_bed_address(dst, port);
	int fd = udp_bed_client_open(own);

	assert_int_equal(sendto(fd, text, strlen(text), 0, &a.sa, sockaddr_len(&a)), strlen(text));
	return fd;
}

static void datagrams_read__both_families__tells_where_each_was_meant_to_go(void **state)
{
	struct datagrams *d = datagrams_new();
	struct datagram got[DATAGRAMS_MAX];
	union sockaddr_any a = any6(), want;
	int fd = listen_at(&a, 0);
	int one = send_from(UDP_BED_CLIENT4, FOREIGN, sockaddr_port(&a), "four");
	int two = send_from(UDP_BED_CLIENT6, FOREIGN6, sockaddr_port(&a), "six");

	(void)state;
	assert_int_equal(datagrams_read(d, fd, true, got), 2);
	want = udp_bed_address(FOREIGN, sockaddr_port(&a));
	assert_true(udp_same(&got[0].to, &want));
	assert_int_equal(got[0].from.sa.sa_family, AF_INET);
	assert_memory_equal(got[0].data, "four", got[0].n);
	want = udp_bed_address(FOREIGN6, sockaddr_port(&a));
	assert_true(udp_same(&got[1].to, &want));
	assert_memory_equal(got[1].data, "six", got[1].n);
	assert_int_equal(datagrams_read(d, fd, true, got), 0);
	datagrams_free(d);
	close(fd);
	close(one);
	close(two);
}

static void datagrams_read__more_than_fit__the_rest_comes_with_the_next(void **state)
{
	struct datagrams *d = datagrams_new();
	struct datagram got[DATAGRAMS_MAX];
	union sockaddr_any a = any6();
	int fd = listen_at(&a, 0);

	(void)state;
	for (int i = 0; i < DATAGRAMS_MAX + 1; i++)
		close(send_from(UDP_BED_CLIENT4, FOREIGN, sockaddr_port(&a), "x"));
	assert_int_equal(datagrams_read(d, fd, true, got), DATAGRAMS_MAX);
	assert_int_equal(datagrams_read(d, fd, true, got), 1);
	datagrams_free(d);
	close(fd);
}

static void datagram_answer__foreign_address__is_heard_as_from_there(void **state)
{
	union sockaddr_any from = udp_bed_address(FOREIGN, 53), to;
	socklen_t len = sizeof(to);
	int client = udp_bed_client_open(UDP_BED_CLIENT4), fd;
	char text[256], heard[SOCKADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(getsockname(client, &to.sa, &len), 0);
	fd = datagram_answer(&from, &to, 0, DATAGRAM_FROM_OTHERS);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_string_equal(udp_bed_received(client, text, heard), "x");
	assert_string_equal(heard, FOREIGN ":53");
	close(fd);
	close(client);
}

static void datagram_answer__own_address_as_of_others__is_eacces(void **state)
{
	static const char *const own[] = { UDP_BED_CLIENT4, UDP_BED_CLIENT6, "127.0.0.1", "::1" };

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		union sockaddr_any from = udp_bed_address(own[i], 53);
		union sockaddr_any to =
			udp_bed_address(strchr(own[i], ':') ? "fd09::2" : "10.9.0.2", 1024);

		assert_int_equal(datagram_answer(&from, &to, 0, DATAGRAM_FROM_OTHERS), -EACCES);
	}
}

static void datagram_answer__two_families__is_eafnosupport(void **state)
{
	union sockaddr_any from = udp_bed_address(FOREIGN, 53), to = udp_bed_address(FOREIGN6, 53);

	(void)state;
	assert_int_equal(datagram_answer(&from, &to, 0, DATAGRAM_FROM_ANY), -EAFNOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagram_listen__exclusive_where_another_listens__is_eaddrinuse),
		cmocka_unit_test(datagram_listen__mark__is_the_sockets),
		cmocka_unit_test(datagrams_read__both_families__tells_where_each_was_meant_to_go),
		cmocka_unit_test(datagrams_read__more_than_fit__the_rest_comes_with_the_next),
		cmocka_unit_test(datagram_answer__foreign_address__is_heard_as_from_there),
		cmocka_unit_test(datagram_answer__own_address_as_of_others__is_eacces),
		cmocka_unit_test(datagram_answer__two_families__is_eafnosupport),
	};

	return udp_bed_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : udp_bed_skip();
}
