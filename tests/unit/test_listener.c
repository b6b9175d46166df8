// SPDX-License-Identifier: GPL-2.0-or-later
// Listening on loopback: who may share a port, how accepting is paced, what a shortage does.
#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define START_MS 1000000

static const struct listener_opts alone = { .exclusive = true }, shared = { 0 };

struct door {
	struct listener_sink sink;
	struct loop *loop;
	struct listener *listener;
	union sockaddr_any addr; /* where it listens */
	unsigned accepted;
	int last_fd;
	union sockaddr_any last_peer;
	bool free_when_accepted;
	int listening, standby; /* what takes the number of the freed listener */
};

static void accepted(struct listener_sink *s, int fd, const union sockaddr_any *peer)
{
	struct door *d = container_of(s, struct door, sink);

	d->accepted++;
	if (d->last_fd >= 0)
		close(d->last_fd);
	d->last_fd = fd;
	d->last_peer = *peer;
	if (d->free_when_accepted) {
		listener_free(d->listener);
		d->listener = NULL;
		assert_int_equal(dup2(d->standby, d->listening), d->listening);
	}
}

static union sockaddr_any loopback(uint16_t port)
{
	union sockaddr_any a;

	sockaddr_set(&a, (const uint8_t[4]){ 127, 0, 0, 1 }, 4, port);
	return a;
}

static union sockaddr_any address_of(int fd)
{
	union sockaddr_any a = { 0 };
	socklen_t len = sizeof(a);

	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	return a;
}

static int bind_any_port(union sockaddr_any *ret)
{
	const union sockaddr_any a = loopback(0);
	int fd = -1;

	assert_int_equal(listener_bind(&a, &alone, &fd), 0);
	*ret = address_of(fd);
	return fd;
}

static int connect_to(const union sockaddr_any *a)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, &a->sa, sockaddr_len(a)), 0);
	return fd;
}

static int set_up(void **state)
{
	struct door *d = calloc(1, sizeof(*d));
	int fd = bind_any_port(&d->addr);

	clock_freeze_ms(START_MS);
	d->last_fd = -1;
	d->loop = loop_new();
	d->sink.accepted = accepted;
	d->listening = fd;
	d->listener = listener_start(d->loop, fd, &d->sink);
	*state = d;
	return d->listener ? 0 : -1;
}

static int tear_down(void **state)
{
	struct door *d = *state;

	if (d->last_fd >= 0)
		close(d->last_fd);
	listener_free(d->listener);
	loop_free(d->loop);
	free(d);
	clock_freeze_ms(0);
	return 0;
}

static void listener__connection__is_handed_over_ready_to_use(void **state)
{
	struct door *d = *state;
	int client = connect_to(&d->addr), nodelay = 0;
	union sockaddr_any own = address_of(client);
	socklen_t len = sizeof(nodelay);

	loop_turn(d->loop, 1000);
	assert_int_equal(d->accepted, 1);
	assert_memory_equal(&d->last_peer.in, &own.in, sizeof(own.in));
	assert_true(fcntl(d->last_fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(d->last_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(d->last_fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
	assert_int_equal(nodelay, 1);
	close(client);
}

static void listener__many_connections__are_accepted_in_batches_of_64(void **state)
{
	enum { MANY = 100 };
	struct door *d = *state;
	int clients[MANY];

	for (int i = 0; i < MANY; i++)
		clients[i] = connect_to(&d->addr);
	loop_turn(d->loop, 1000);
	assert_int_equal(d->accepted, 64);
	loop_turn(d->loop, 1000);
	assert_int_equal(d->accepted, MANY);
	for (int i = 0; i < MANY; i++)
		close(clients[i]);
}

static void listener__quiet_before__one_is_accepted_and_the_others_next(void **state)
{
	struct door *d = *state;
	int clients[3];

	for (int i = 0; i < 3; i++)
		loop_turn(d->loop, 0);
	for (int i = 0; i < 3; i++)
		clients[i] = connect_to(&d->addr);
	loop_turn(d->loop, 1000);
	assert_int_equal(d->accepted, 1);
	loop_turn(d->loop, 1000);
	assert_int_equal(d->accepted, 3);
	for (int i = 0; i < 3; i++)
		close(clients[i]);
}

static void listener__peer_gone_before_accept__later_ones_are_served(void **state)
{
	struct door *d = *state;
	const struct linger hard = { .l_onoff = 1 };
	int gone = connect_to(&d->addr), client;

	setsockopt(gone, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(gone);
	client = connect_to(&d->addr);
	loop_turn(d->loop, 1000);
	assert_true(d->accepted >= 1);
	assert_int_equal(sockaddr_port(&d->last_peer),
			 sockaddr_port(&(union sockaddr_any){ .in = address_of(client).in }));
	close(client);
}

static void listener_free__from_accepted__ends_the_batch(void **state)
{
	struct door *d = *state;
	union sockaddr_any elsewhere;
	int one, two, three;

	d->standby = bind_any_port(&elsewhere);
	d->free_when_accepted = true;
	one = connect_to(&d->addr);
	two = connect_to(&d->addr);
	three = connect_to(&elsewhere);
	loop_turn(d->loop, 1000);
	loop_turn(d->loop, 0);
	assert_int_equal(d->accepted, 1);
	close(one);
	close(two);
	close(three);
	close(d->standby);
	close(d->listening);
}

static void listener_free__null__is_ignored(void **state)
{
	(void)state;
	listener_free(NULL);
}

static void listener_start__bad_descriptor__is_null(void **state)
{
	struct door *d = *state;

	assert_null(listener_start(d->loop, -1, &d->sink));
}

static void listener_bind__exclusive_on_a_shared_port__is_eaddrinuse(void **state)
{
	struct door *d = *state;
	int fd = -1;

	assert_int_equal(listener_bind(&d->addr, &alone, &fd), -EADDRINUSE);
	assert_int_equal(fd, -1);
}

static void listener_bind__not_exclusive__shares_the_port(void **state)
{
	struct door *d = *state;
	int fd = -1;

	assert_int_equal(listener_bind(&d->addr, &shared, &fd), 0);
	close(fd);
}

static void listener_bind__port_of_a_socket_that_does_not_share__is_eaddrinuse(void **state)
{
	union sockaddr_any a = loopback(0);
	int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;

	(void)state;
	assert_int_equal(bind(other, &a.sa, sockaddr_len(&a)), 0);
	assert_int_equal(listen(other, 1), 0);
	a = address_of(other);
	assert_int_equal(listener_bind(&a, &alone, &fd), -EADDRINUSE);
	assert_int_equal(listener_bind(&a, &shared, &fd), -EADDRINUSE);
	close(other);
}

static void listener_bind__foreign_address__is_eaddrnotavail(void **state)
{
	union sockaddr_any a;
	int fd = -1;

	(void)state;
	sockaddr_set(&a, (const uint8_t[4]){ 192, 0, 2, 1 }, 4, 0);
	assert_int_equal(listener_bind(&a, &alone, &fd), -EADDRNOTAVAIL);
	assert_int_equal(fd, -1);
}

/* A child that listens where it likes, accepts one connection and keeps it until it is killed. */
static pid_t fork_owner(union sockaddr_any *ret, int *ret_client)
{
	int to_parent[2], fd;
	char byte = 0;
	pid_t pid;

	fd = bind_any_port(ret);
	assert_int_equal(pipe(to_parent), 0);
	pid = fork();
	if (pid == 0) {
		fcntl(fd, F_SETFL, 0);
		if (accept(fd, NULL, NULL) < 0 || write(to_parent[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fd); /* only the child has it now */
	*ret_client = connect_to(ret);
	assert_int_equal(read(to_parent[0], &byte, 1), 1);
	close(to_parent[0]);
	close(to_parent[1]);
	return pid;
}

static void listener_bind__owned_by_another_process__is_free_once_that_is_killed(void **state)
{
	union sockaddr_any a;
	int client, fd = -1, while_alive, after_death;
	pid_t pid = fork_owner(&a, &client);

	(void)state;
	while_alive = listener_bind(&a, &alone, &fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	after_death = listener_bind(&a, &alone, &fd);
	assert_int_equal(while_alive, -EADDRINUSE);
	assert_int_equal(after_death, 0);
	close(fd);
	close(client);
}

static void listener_bind__any_ipv6__takes_ipv4_and_tells_it_as_such(void **state)
{
	struct door *d = *state;
	union sockaddr_any any = { .in6 = { .sin6_family = AF_INET6 } }, to;
	struct listener *both;
	int fd = -1, client;

	assert_int_equal(listener_bind(&any, &alone, &fd), 0);
	to = address_of(fd);
	to = loopback(sockaddr_port(&to));
	both = listener_start(d->loop, fd, &d->sink);
	client = connect_to(&to);
	loop_turn(d->loop, 1000);
	assert_int_equal(d->accepted, 1);
	assert_int_equal(d->last_peer.sa.sa_family, AF_INET);
	listener_free(both);
	close(client);
}

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void listener_bind__transparent_and_marked__is_inherited(void **state)
{
	const struct listener_opts opts = { .exclusive = true, .transparent = true, .mark = 0x800 };
	struct door *d = *state;
	union sockaddr_any a = loopback(0);
	struct listener *ln;
	int fd = -1, err = listener_bind(&a, &opts, &fd), client;

	if (err == -EPERM) {
		print_message("no right to be transparent\n");
		skip();
	}
	assert_int_equal(err, 0);
	a = address_of(fd);
	ln = listener_start(d->loop, fd, &d->sink);
	client = connect_to(&a);
	loop_turn(d->loop, 1000);
	assert_int_equal(d->accepted, 1);
	assert_int_equal(option_of(d->last_fd, SOL_SOCKET, SO_MARK), 0x800);
	assert_int_equal(option_of(d->last_fd, SOL_IP, IP_TRANSPARENT), 1);
	listener_free(ln);
	close(client);
}

static void listener_bind__transparent__takes_foreign_addresses(void **state)
{
	const struct listener_opts opts = { .exclusive = true, .transparent = true };
	union sockaddr_any a;
	int fd = -1, err;

	(void)state;
	sockaddr_set(&a, (const uint8_t[4]){ 192, 0, 2, 1 }, 4, 7893);
	err = listener_bind(&a, &opts, &fd);
	if (err == -EPERM) {
		print_message("no right to be transparent\n");
		skip();
	}
	assert_int_equal(err, 0);
	close(fd);
}

enum { NO_NAMESPACE = 77 };

/* In a child: what "::1" becomes where nothing has that address; 0, or the step that went wrong. */
static int without_ipv6(void)
{
	const char *off = "/proc/sys/net/ipv6/conf/lo/disable_ipv6";
	union sockaddr_any a = { .in6 = { .sin6_family = AF_INET6,
					  .sin6_addr = IN6ADDR_LOOPBACK_INIT } };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, ln = -1;

	if (unshare(CLONE_NEWNET) < 0)
		return NO_NAMESPACE;
	fd = open(off, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		return NO_NAMESPACE;
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return 1;
	if (listener_bind(&a, &alone, &ln) < 0)
		return 2;
	a = address_of(ln);
	if (a.sa.sa_family != AF_INET || a.in.sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		return 3;
	a.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				       .sin6_addr = { .s6_addr = { 0x20, 1, [15] = 1 } } };
	return listener_bind(&a, &alone, &ln) == -EADDRNOTAVAIL ? 0 : 4;
}

static void listener_bind__ipv6_loopback_without_ipv6__is_ipv4_loopback(void **state)
{
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(without_ipv6());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_NAMESPACE) {
		print_message("no network namespace without IPv6\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* What happens in a child without spare descriptors; 0, or the number of the step that went wrong.
 */
static int starve(struct door *d)
{
	struct rlimit old, none;

	if (getrlimit(RLIMIT_NOFILE, &old) < 0)
		return 1;
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = old.rlim_max };
	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		return 2;
	loop_turn(d->loop, 1000);
	if (d->accepted != 0)
		return 3;
	setrlimit(RLIMIT_NOFILE, &old);
	loop_turn(d->loop, 0);
	if (d->accepted != 0)
		return 4; /* it did not pause */
	clock_freeze_ms(START_MS + 99);
	loop_turn(d->loop, 0);
	if (d->accepted != 0)
		return 5;
	clock_freeze_ms(START_MS + 100);
	loop_turn(d->loop, 0);
	loop_turn(d->loop, 1000);
	return d->accepted == 1 ? 0 : 6;
}

static void listener__no_descriptors_left__pauses_for_100_ms_and_loses_nothing(void **state)
{
	struct door *d = *state;
	int client = connect_to(&d->addr), status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(starve(d));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(client);
}

#define door_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		door_test(listener__connection__is_handed_over_ready_to_use),
		door_test(listener__many_connections__are_accepted_in_batches_of_64),
		door_test(listener__quiet_before__one_is_accepted_and_the_others_next),
		door_test(listener__peer_gone_before_accept__later_ones_are_served),
		door_test(listener_free__from_accepted__ends_the_batch),
		cmocka_unit_test(listener_free__null__is_ignored),
		door_test(listener_start__bad_descriptor__is_null),
		door_test(listener_bind__exclusive_on_a_shared_port__is_eaddrinuse),
		door_test(listener_bind__not_exclusive__shares_the_port),
		cmocka_unit_test(
			listener_bind__port_of_a_socket_that_does_not_share__is_eaddrinuse),
		cmocka_unit_test(listener_bind__foreign_address__is_eaddrnotavail),
		cmocka_unit_test(
			listener_bind__owned_by_another_process__is_free_once_that_is_killed),
		door_test(listener_bind__any_ipv6__takes_ipv4_and_tells_it_as_such),
		door_test(listener_bind__transparent_and_marked__is_inherited),
		cmocka_unit_test(listener_bind__transparent__takes_foreign_addresses),
		cmocka_unit_test(listener_bind__ipv6_loopback_without_ipv6__is_ipv4_loopback),
		door_test(listener__no_descriptors_left__pauses_for_100_ms_and_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
