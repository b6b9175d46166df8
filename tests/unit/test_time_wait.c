// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets of captured flows: which of them go, and that this machine's own stay; in a namespace.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "netns_bed.h"

#include "net/time_wait.h"

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75
#endif

union any {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address(union any *a, const char *ip, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET6, ip, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(port);
		return sizeof(a->v6);
	}
	assert_int_equal(inet_pton(AF_INET, ip, &a->v4.sin_addr), 1);
	a->v4.sin_family = AF_INET;
	a->v4.sin_port = htons(port);
	return sizeof(a->v4);
}

/* A connection to this address, which its server end closes first: that one stays in TIME_WAIT. */
static void leave_one(int family, const char *listen_on, const char *to, uint16_t port)
{
	union any a;
	socklen_t len = address(&a, listen_on, port);
	int l = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), c, s, on = 1;
	char byte;

	assert_true(l >= 0);
	setsockopt(l, SOL_IP, IP_TRANSPARENT, &on, sizeof(on));
	setsockopt(l, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof(on));
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(l, &a.sa, len), 0);
	assert_int_equal(listen(l, 1), 0);
	len = address(&a, to, port);
	c = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(c, &a.sa, len), 0);
	s = accept(l, NULL, NULL);
	assert_true(s >= 0);
	close(s);
	assert_int_equal(read(c, &byte, 1), 0);
	close(c);
	close(l);
}

static int count(void)
{
	FILE *f = popen("ss -Htan state time-wait | wc -l", "r");
	int n = -1;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

/* As captured traffic is: foreign addresses are routed to lo. */
static int up(void **state)
{
	(void)state;
	close(netns_new());
	netns_ip("-4 route add local 198.51.100.0/24 dev lo");
	netns_ip("-6 route add local 2001:db8::/32 dev lo");
	return 0;
}

static void own(struct prefix_list *l)
{
	static const char *const texts[] = { "127.0.0.0/8", "::1" };
	struct prefix p;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(prefix_parse(texts[i], strlen(texts[i]), &p), 0);
		assert_int_equal(prefix_list_add(l, &p), 0);
	}
	prefix_list_normal(l);
}

/* A kernel without CONFIG_INET_DIAG_DESTROY cannot. */
static bool destroys(int n)
{
	if (n == -EOPNOTSUPP)
		print_message("this kernel destroys no TIME_WAIT sockets\n");
	return n != -EOPNOTSUPP;
}

static void time_wait_destroy__foreign_and_own__only_foreign_ones_go(void **state)
{
	static const struct {
		int family;
		const char *listen_on, *to;
	} foreign[] = {
		{ AF_INET, "198.51.100.10", "198.51.100.10" },
		{ AF_INET6, "2001:db8::10", "2001:db8::10" },
		{ AF_INET, "::", "198.51.100.11" }, /* an IPv4-mapped one */
	};
	struct prefix_list l = { 0 };
	int n;

	(void)state;
	own(&l);
	leave_one(AF_INET, "127.0.0.1", "127.0.0.1", 5001);
	leave_one(AF_INET6, "::1", "::1", 5001);
	for (uint16_t i = 0; i < 3; i++)
		leave_one(foreign[i].family, foreign[i].listen_on, foreign[i].to,
			  (uint16_t)(5002 + i));
	assert_int_equal(count(), 5);
	n = time_wait_destroy(&l);
	if (destroys(n)) {
		assert_int_equal(n, 3);
		assert_int_equal(count(), 2);
		assert_int_equal(time_wait_destroy(&l), 0);
	} else {
		assert_int_equal(count(), 5);
		skip();
	}
	prefix_list_done(&l);
}

static void time_wait_destroy__none__is_no_error(void **state)
{
	struct prefix_list l = { 0 };

	(void)state;
	assert_int_equal(time_wait_destroy(&l), 0);
}

/* A connected socket at this address, as the daemon has it of a captured flow; both ends. */
static int flow_to(int type, const char *to, uint16_t port, uint32_t mark, int *ret_client)
{
	union any a;
	socklen_t len = address(&a, to, port);
	int s = socket(a.sa.sa_family, type | SOCK_CLOEXEC, 0), on = 1, taken;

	setsockopt(s, SOL_IP, IP_TRANSPARENT, &on, sizeof(on));
	setsockopt(s, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof(on));
	assert_int_equal(setsockopt(s, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	assert_int_equal(bind(s, &a.sa, len), 0);
	assert_true(type == SOCK_DGRAM || listen(s, 1) == 0);
	*ret_client = socket(a.sa.sa_family, type | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*ret_client, &a.sa, len), 0);
	if (type == SOCK_DGRAM) {
		assert_int_equal(getsockname(*ret_client, &a.sa, &len), 0);
		assert_int_equal(connect(s, &a.sa, len), 0);
		return s;
	}
	taken = accept(s, NULL, NULL);
	assert_true(taken >= 0);
	close(s);
	return taken;
}

static bool ended(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	return err == ECONNABORTED;
}

static void captured_destroy__marked_and_of_the_list__go(void **state)
{
	static const struct {
		int type;
		const char *to;
		uint32_t mark;
		bool goes;
	} flows[] = {
		{ SOCK_STREAM, "198.51.100.10", 8, true },
		{ SOCK_DGRAM, "198.51.100.10", 8, true },
		{ SOCK_STREAM, "2001:db8::10", 8 | 1, true },
		{ SOCK_DGRAM, "2001:db8::10", 8, true },
		{ SOCK_STREAM, "198.51.100.10", 1, false }, /* somebody else's */
		{ SOCK_DGRAM, "2001:db8::10", 0, false },
		{ SOCK_STREAM, "198.51.100.11", 8, false }, /* not of the list */
		{ SOCK_DGRAM, "2001:db8::11", 8, false },
		{ SOCK_STREAM, "127.0.0.1", 8, false }, /* own */
	};
	enum { N = sizeof(flows) / sizeof(*flows) };
	static const char *const lists[] = { "198.51.100.10", "2001:db8::10", "127.0.0.0/8" };
	struct prefix_list mine = { 0 }, to = { 0 };
	struct prefix p;
	int fds[N], clients[N], n;

	(void)state;
	own(&mine);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(prefix_parse(lists[i], strlen(lists[i]), &p), 0);
		assert_int_equal(prefix_list_add(&to, &p), 0);
	}
	prefix_list_normal(&to);
	for (size_t i = 0; i < N; i++)
		fds[i] = flow_to(flows[i].type, flows[i].to, (uint16_t)(5001 + i), flows[i].mark,
				 &clients[i]);
	n = captured_destroy(&mine, &to, 8);
	for (size_t i = 0; destroys(n) && i < N; i++)
		assert_int_equal(ended(fds[i]), flows[i].goes);
	for (size_t i = 0; i < N; i++) {
		close(fds[i]);
		close(clients[i]);
	}
	prefix_list_done(&mine);
	prefix_list_done(&to);
	if (n == -EOPNOTSUPP)
		skip();
	assert_int_equal(n, 4);
}

static void no_namespace(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(time_wait_destroy__foreign_and_own__only_foreign_ones_go,
				       up),
		cmocka_unit_test_setup(time_wait_destroy__none__is_no_error, up),
		cmocka_unit_test_setup(captured_destroy__marked_and_of_the_list__go, up),
	};
	const struct CMUnitTest none[] = { cmocka_unit_test(no_namespace) };
	int fd = netns_new();

	if (fd < 0)
		return cmocka_run_group_tests(none, NULL, NULL);
	close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
