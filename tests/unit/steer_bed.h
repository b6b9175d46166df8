/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: a gateway and a client, each in a network namespace, and captured traffic between. */
#ifndef TESTS_UNIT_STEER_BED_H
#define TESTS_UNIT_STEER_BED_H

#include "netns_bed.h"

#include <arpa/inet.h>
#include <linux/in6.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "net/own.h"
#include "net/steer.h"

#define PINS	"/sys/fs/bpf/unit"
#define WORKERS 4
#define WAIT_MS 10000 /* for what must come; emulated guests are slow */

/* Of one slot: a socket of each protocol for each worker. */
struct listener {
	int tcp[WORKERS], udp[WORKERS];
	unsigned n;
};

static int gate_ns = -1, client_ns = -1;
static struct steer *steer;
static struct listener gateway;
static struct steer_counters counters;
static char why[400];

static inline void steer_bed_batch(int family, const char *commands)
{
	FILE *f = popen(family == 6 ? "ip -6 -batch -" : "ip -batch -", "w");

	assert_non_null(f);
	fputs(commands, f);
	assert_int_equal(pclose(f), 0);
}

/* IPv4 ones IPv4-mapped. */
static inline struct sockaddr_in6 at(const char *ip, uint16_t port)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	char mapped[60];

	snprintf(mapped, sizeof(mapped), "%s%s", strchr(ip, ':') ? "" : "::ffff:", ip);
	assert_int_equal(inet_pton(AF_INET6, mapped, &sa.sin6_addr), 1);
	return sa;
}

static inline void set(int fd, int level, int option)
{
	int on = 1;

	assert_int_equal(setsockopt(fd, level, option, &on, sizeof(on)), 0);
}

static inline int bound(int type, const char *ip, uint16_t port)
{
	struct sockaddr_in6 sa = at(ip, port);
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), off = 0;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	set(fd, SOL_SOCKET, SO_REUSEADDR);
	set(fd, SOL_SOCKET, SO_REUSEPORT);
	set(fd, SOL_IP, IP_TRANSPARENT);
	set(fd, SOL_IPV6, IPV6_TRANSPARENT);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		fail_msg("bind to %s %u: %s", ip, port, strerror(errno));
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 64), 0);
	set(fd, SOL_IP, IP_RECVORIGDSTADDR);
	set(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR);
	return fd;
}

/* On the loopback address, where nobody reaches it but by the program: IPv4-mapped, for a socket
 * that is bound to ::1 takes no IPv4. */
static inline struct listener open_listener(unsigned n, uint16_t port)
{
	struct listener l = { .n = n };

	for (unsigned i = 0; i < n; i++) {
		l.tcp[i] = bound(SOCK_STREAM, "127.0.0.1", port);
		l.udp[i] = bound(SOCK_DGRAM, "127.0.0.1", port);
	}
	return l;
}

static inline void close_listener(struct listener *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		close(l->tcp[i]);
		close(l->udp[i]);
	}
	l->n = 0;
}

static inline void wire_up(void)
{
	static const char policy[] = "rule add iif g0 ipproto tcp lookup 100\n"
				     "rule add iif g0 ipproto udp lookup 100\n"
				     "route add local default dev lo table 100\n";
	char line[100];

	client_ns = netns_new();
	gate_ns = netns_new();
	assert_true(client_ns >= 0 && gate_ns >= 0);
	snprintf(line, sizeof(line), "link add g0 type veth peer name c0 netns /proc/%d/fd/%d",
		 getpid(), client_ns);
	netns_ip(line);
	steer_bed_batch(4, "link set g0 up\naddr add 10.9.0.1/24 dev g0\n"
			   "addr add fd09::1/64 dev g0 nodad\n");
	steer_bed_batch(4, policy);
	steer_bed_batch(6, policy);
	netns_enter(client_ns);
	steer_bed_batch(4, "link set c0 up\naddr add 10.9.0.2/24 dev c0\n"
			   "addr add fd09::2/64 dev c0 nodad\n"
			   "route add default via 10.9.0.1\n");
	steer_bed_batch(6, "route add default via fd09::1\n");
	netns_enter(gate_ns);
}

static inline struct steer *open_steer(void)
{
	struct steer *s = steer_open(PINS, why, sizeof(why));

	if (!s)
		fail_msg("%s", why);
	return s;
}

static inline void tell_own(struct steer *s)
{
	struct prefix_list own;

	assert_int_equal(own_read(&own), 0);
	assert_int_equal(steer_own(s, &own), 0);
	prefix_list_done(&own);
}

static inline void capture(struct steer *s, const char *interface, bool tcp, bool udp)
{
	struct steer_capture to = { .ifindex = if_nametoindex(interface),
				    .to = { .tcp = tcp, .udp = udp } };

	to.to.local = strcmp(interface, "lo") == 0;
	assert_int_equal(steer_interfaces(s, &to, 1), 0);
}

static inline int steer_bed_set_up(void **state)
{
	(void)state;
	wire_up();
	steer = open_steer();
	gateway = open_listener(WORKERS, 7893);
	tell_own(steer);
	assert_int_equal(steer_listen(steer, 0, gateway.tcp, gateway.udp, WORKERS), 0);
	capture(steer, "g0", true, true);
	return 0;
}

static inline int steer_bed_tear_down(void **state)
{
	(void)state;
	steer_close(steer);
	steer = NULL;
	assert_int_equal(steer_remove(PINS, why, sizeof(why)), 0);
	close_listener(&gateway);
	close(gate_ns);
	close(client_ns);
	return 0;
}

static inline bool comes(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1;
}

/* A socket of the client's that is on its way there. */
static inline int start_connect(const char *from, const char *ip, uint16_t port)
{
	struct sockaddr_in6 to = at(ip, port), me = at(from, 0);
	int fd;

	netns_enter(client_ns);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0)
		fail_msg("bind to %s: %s", from, strerror(errno));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		fail_msg("connect to %s: %s", ip, strerror(errno));
	netns_enter(gate_ns);
	return fd;
}

static inline const char *client_ip(const char *peer)
{
	return strchr(peer, ':') ? "fd09::2" : "10.9.0.2";
}

/* How a connect ended: 0 or -errno. */
static inline int connect_result(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (!comes(fd, POLLOUT, WAIT_MS))
		return -ETIMEDOUT;
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	return -err;
}

/* Which one of n sockets has something. */
static inline unsigned which(const int *fds, unsigned n)
{
	struct pollfd p[WORKERS];

	for (unsigned i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (poll(p, n, WAIT_MS) < 1)
		fail_msg("nothing came");
	for (unsigned i = 0; i < n; i++)
		if (p[i].revents)
			return i;
	fail_msg("nothing came");
	return 0;
}

static inline void check_address(const struct sockaddr_in6 *got, const char *ip, uint16_t port)
{
	struct sockaddr_in6 want = at(ip, port);
	char text[INET6_ADDRSTRLEN];

	if (memcmp(&got->sin6_addr, &want.sin6_addr, 16) != 0 || got->sin6_port != want.sin6_port)
		fail_msg("%s %u instead of %s %u",
			 inet_ntop(AF_INET6, &got->sin6_addr, text, sizeof(text)),
			 ntohs(got->sin6_port), ip, port);
}

/* The client connects there and gets through to the listener; the worker. */
static inline unsigned check_tcp(const struct listener *l, const char *ip, uint16_t port)
{
	int fd = start_connect(client_ip(ip), ip, port), got;
	unsigned worker = which(l->tcp, l->n);
	struct sockaddr_in6 local;
	socklen_t len = sizeof(local);
	char c = 0;

	assert_int_equal(connect_result(fd), 0);
	got = accept4(l->tcp[worker], NULL, NULL, SOCK_CLOEXEC);
	assert_true(got >= 0);
	assert_int_equal(getsockname(got, (struct sockaddr *)&local, &len), 0);
	check_address(&local, ip, port);
	assert_int_equal(send(got, "x", 1, 0), 1);
	assert_true(comes(fd, POLLIN, WAIT_MS));
	assert_int_equal(recv(fd, &c, 1, 0), 1);
	assert_int_equal(c, 'x');
	close(fd);
	close(got);
	return worker;
}

/* Sends n bytes from the client. */
static inline void send_udp(uint16_t from, const char *ip, uint16_t port, size_t n)
{
	struct sockaddr_in6 to = at(ip, port), me = at(client_ip(ip), from);
	static char bytes[8000];
	int fd;

	netns_enter(client_ns);
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	netns_enter(gate_ns);
	assert_true(fd >= 0 && n <= sizeof(bytes));
	assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof(me)), 0);
	assert_int_equal(sendto(fd, bytes, n, 0, (struct sockaddr *)&to, sizeof(to)), n);
	close(fd);
}

static inline struct sockaddr_in6 original(struct msghdr *m)
{
	struct sockaddr_in6 sa = { 0 };
	struct sockaddr_in in;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR) {
			memcpy(&sa, CMSG_DATA(c), sizeof(sa));
		} else if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_ORIGDSTADDR) {
			memcpy(&in, CMSG_DATA(c), sizeof(in));
			sa = at(inet_ntoa(in.sin_addr), ntohs(in.sin_port));
		}
	}
	return sa;
}

/* A datagram of n bytes comes to the listener, sent there; the worker. */
static inline unsigned check_udp(const struct listener *l, const char *ip, uint16_t port, size_t n)
{
	unsigned worker = which(l->udp, l->n);
	static char bytes[8000], control[256];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct sockaddr_in6 to;

	assert_int_equal(recvmsg(l->udp[worker], &m, 0), n);
	to = original(&m);
	check_address(&to, ip, port);
	return worker;
}

static inline struct steer_counters *count(void)
{
	assert_int_equal(steer_counters(steer, &counters), 0);
	return &counters;
}

/* Waits until the counter, one of `counters`, has grown by so much from there. */
static inline void await(const __u64 *counter, __u64 from, unsigned more)
{
	uint64_t end = clock_now_ms() + WAIT_MS;

	while (count() && *counter < from + more) {
		if (clock_now_ms() > end)
			fail_msg("%llu instead of %llu", (unsigned long long)*counter,
				 (unsigned long long)from + more);
		poll(NULL, 0, 5);
	}
}

/* The client tries to connect there and does not: the counter grows, and neither the listener nor a
 * service on all addresses gets it. */
static inline void check_dropped(const char *from, const char *ip, const __u64 *counter)
{
	int service = bound(SOCK_STREAM, "::", 80), fd;
	__u64 before = (count(), *counter);

	fd = start_connect(from, ip, 80);
	await(counter, before, 1);
	assert_false(comes(service, POLLIN, 0));
	for (unsigned i = 0; i < gateway.n; i++)
		assert_false(comes(gateway.tcp[i], POLLIN, 0));
	close(fd);
	close(service);
}

/* The machine's own service there is reached. */
static inline void check_own_service(const char *ip)
{
	struct listener service = { .tcp = { bound(SOCK_STREAM, "::", 22) },
				    .udp = { bound(SOCK_DGRAM, "::", 22) },
				    .n = 1 };

	check_tcp(&service, ip, 22);
	send_udp(4000, ip, 22, 10);
	check_udp(&service, ip, 22, 10);
	close_listener(&service);
}

static inline void check_refused(const char *ip, uint16_t port)
{
	int fd = start_connect(client_ip(ip), ip, port);

	assert_int_equal(connect_result(fd), -ECONNREFUSED);
	close(fd);
}

/* Whether this kernel and these rights let the tests be; a message says why not. */
static inline bool steer_bed_here(void)
{
	struct steer *s;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0) {
		print_message("no bpffs of our own: %s\n", strerror(errno));
		return false;
	}
	if (close(netns_new()) < 0 || !netns_has_veth())
		return false;
	s = steer_open(PINS, why, sizeof(why));
	if (!s) {
		print_message("%s\n", why);
		return false;
	}
	steer_close(s);
	return steer_remove(PINS, why, sizeof(why)) == 0;
}

static inline void steer_bed_lacking(void **state)
{
	(void)state;
	skip();
}

#define steer_test(f) cmocka_unit_test_setup_teardown(f, steer_bed_set_up, steer_bed_tear_down)

static inline int steer_bed_run(const char *name, const struct CMUnitTest *tests, size_t n)
{
	const struct CMUnitTest none = { .name = name, .test_func = steer_bed_lacking };

	return steer_bed_here() ? _cmocka_run_group_tests(name, tests, n, NULL, NULL)
				: _cmocka_run_group_tests(name, &none, 1, NULL, NULL);
}

#endif
