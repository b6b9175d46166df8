// SPDX-License-Identifier: GPL-2.0-or-later
// One attempt: the options of its socket, and how it fails.
#include "dial_place.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static void dial_addr__somebody_listens__gives_a_socket_ready_to_use(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	const struct dial_opts opts = { .keepalive = true };

	place_serve_at(b, 2);
	place_dial_local(b, &c, &opts, place_local(2, b->port));
	place_settle(b);
	assert_int_equal(c.dones, 1);
	assert_int_equal(place_peer_of(&c), 2);
	assert_true(fcntl(c.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(c.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(place_option(c.fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(place_option(c.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(place_option(c.fd, IPPROTO_TCP, TCP_KEEPIDLE), 15);
	assert_int_equal(place_option(c.fd, IPPROTO_TCP, TCP_KEEPINTVL), 15);
	assert_int_equal(place_option(c.fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
	close(c.fd);
}

static void dial_addr__keepalive_off__leaves_it_off(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	place_serve_at(b, 2);
	place_dial_local(b, &c, &(struct dial_opts){ 0 }, place_local(2, b->port));
	place_settle(b);
	assert_int_equal(c.err, 0);
	assert_int_equal(place_option(c.fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	close(c.fd);
}

static void dial_addr__nobody_listens__is_refused(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	place_serve_at(b, 2);
	place_dial_local(b, &c, &(struct dial_opts){ 0 }, place_local(3, b->port));
	place_settle(b);
	assert_int_equal(c.dones, 1);
	assert_int_equal(c.err, -ECONNREFUSED);
	assert_int_equal(c.fd, -1);
}

static void dial_addr__fails_on_the_spot__still_tells_later(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	const struct dial_opts opts = { .bind_interface = "no-such-dev" };

	place_dial_local(b, &c, &opts, place_local(2, 1));
	place_settle(b);
	assert_int_equal(c.dones, 1);
	assert_true(c.err < 0);
	assert_int_equal(c.fd, -1);
}

static void dial_addr__mapped_address__is_dialed_by_ipv4(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	union sockaddr_any a;

	place_serve_at(b, 2);
	sockaddr_set(&a, (const uint8_t[16]){ [10] = 0xff, 0xff, 127, 0, 0, 2 }, 16, b->port);
	place_dial_local(b, &c, &(struct dial_opts){ 0 }, a);
	place_settle(b);
	assert_int_equal(place_peer_of(&c), 2);
	assert_int_equal(place_option(c.fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
	close(c.fd);
}

static void dial_addr__source_address__is_used_for_its_family(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	struct dial_opts opts = { .bind4 = place_local(9, 0) };
	union sockaddr_any own = { 0 };
	socklen_t len = sizeof(own);

	place_serve_at(b, 2);
	place_dial_local(b, &c, &opts, place_local(2, b->port));
	place_settle(b);
	assert_int_equal(c.err, 0);
	assert_int_equal(getsockname(c.fd, &own.sa, &len), 0);
	assert_int_equal(sockaddr_ip(&own, &(size_t){ 0 })[3], 9);
	close(c.fd);
}

static void dial_addr__ipv6_source_address__connects(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	const struct dial_opts opts = { .bind4 = place_local(9, 0), .bind6 = place_local6(0) };

	if (!place_has_ipv6())
		skip();
	place_listen_at(b, place_local6(0), 4);
	place_dial_local(b, &c, &opts, place_local6(b->port));
	place_settle(b);
	assert_int_equal(place_peer_of(&c), 0);
	close(c.fd);
}

static void dial_addr__silent_address__times_out_after_the_limit(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	place_black_hole(b, place_local(2, 0));
	place_dial_local(b, &c, &(struct dial_opts){ 0 }, place_local(2, b->port));
	place_settle(b);
	place_advance(b, 4999);
	assert_int_equal(c.dones, 0);
	place_advance(b, 1);
	assert_int_equal(c.dones, 1);
	assert_int_equal(c.err, -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(dial_addr__somebody_listens__gives_a_socket_ready_to_use),
		place_test(dial_addr__keepalive_off__leaves_it_off),
		place_test(dial_addr__nobody_listens__is_refused),
		place_test(dial_addr__fails_on_the_spot__still_tells_later),
		place_test(dial_addr__mapped_address__is_dialed_by_ipv4),
		place_test(dial_addr__source_address__is_used_for_its_family),
		place_test(dial_addr__ipv6_source_address__connects),
		place_test(dial_addr__silent_address__times_out_after_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
