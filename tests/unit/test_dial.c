// SPDX-License-Identifier: GPL-2.0-or-later
// The race of several attempts on loopback: pace, order, winner, error.
#include "dial_place.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static void dial_name__one_address__connects(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	place_serve_at(b, 2);
	place_add_address(b, 2);
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	assert_int_equal(c.dones, 1);
	assert_int_equal(place_peer_of(&c), 2);
	close(c.fd);
}

static void dial_name__first_refused__tries_the_second_at_once(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	place_serve_at(b, 3);
	place_add_address(b, 2);
	place_add_address(b, 3);
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	assert_int_equal(place_peer_of(&c), 3);
	close(c.fd);
}

static void dial_name__first_silent__tries_the_second_after_the_delay(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	unsigned files;

	place_black_hole(b, place_local(2, 0));
	place_serve_at(b, 3);
	place_add_address(b, 2);
	place_add_address(b, 3);
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	files = place_open_files(); /* one attempt is among them */
	place_advance(b, 249);
	assert_int_equal(c.dones, 0);
	place_advance(b, 1);
	assert_int_equal(place_peer_of(&c), 3);
	assert_int_equal(place_open_files(), files);
	close(c.fd);
}

static void dial_name__own_delay__is_obeyed(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	const struct dial_opts opts = { .fallback_delay_ms = 20 };

	place_black_hole(b, place_local(2, 0));
	place_serve_at(b, 3);
	place_add_address(b, 2);
	place_add_address(b, 3);
	place_dial_host(b, &c, &opts);
	place_settle(b);
	place_advance(b, 19);
	assert_int_equal(c.dones, 0);
	place_advance(b, 1);
	assert_int_equal(place_peer_of(&c), 3);
	close(c.fd);
}

static void dial_name__first_answers_late__it_may_still_win(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	int listener;

	clock_freeze_ms(0); /* the kernel repeats the SYN by its own clock */
	loop_turn(b->loop, 0);
	place_black_hole(b, place_local(2, 0));
	listener = b->open[0];
	place_black_hole(b, place_local(3, b->port));
	place_add_address(b, 2);
	place_add_address(b, 3);
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	for (int i = 0; i < 3; i++)
		loop_turn(b->loop, 10);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 1000 && !c.dones; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			close(fd);
		loop_turn(b->loop, 20);
	}
	assert_int_equal(place_peer_of(&c), 2);
	close(c.fd);
}

static void dial_name__all_refused__is_refused(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };
	unsigned files;

	place_serve_at(b, 9);
	for (uint8_t i = 2; i < 8; i++)
		place_add_address(b, i);
	files = place_open_files();
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	assert_int_equal(c.dones, 1);
	assert_int_equal(c.err, -ECONNREFUSED);
	assert_true(place_open_files() <= files + 1); /* the resolver keeps its socket */
}

static void dial_name__one_refused_one_silent__the_refusal_is_told(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	place_black_hole(b, place_local(3, 0));
	place_add_address(b, 2);
	place_add_address(b, 3);
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	assert_int_equal(c.dones, 0);
	place_advance(b, 5000);
	assert_int_equal(c.err, -ECONNREFUSED);
}

static void dial_name__second_refused_while_the_first_hangs__starts_the_third(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	place_black_hole(b, place_local(2, 0));
	place_serve_at(b, 4);
	place_add_address(b, 2);
	place_add_address(b, 3);
	place_add_address(b, 4);
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	place_advance(b, 250);
	assert_int_equal(place_peer_of(&c), 4);
	close(c.fd);
}

static void dial_name__ipv6_refused__ipv4_is_next(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	if (!place_has_ipv6())
		skip();
	place_serve_at(b, 2);
	place_add_address(b, 2);
	fake_dns_address(b->dns, "host.test", FAKE_AAAA, "::1", 60);
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	assert_int_equal(place_peer_of(&c), 2);
	close(c.fd);
}

static void dial_name__ipv6_silent__ipv4_takes_its_turn_after_the_first_ipv6(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	if (!place_has_ipv6())
		skip();
	place_black_hole(b, place_local6(0));
	place_serve_at(b, 2);
	fake_dns_address(b->dns, "host.test", FAKE_AAAA, "::1", 60);
	fake_dns_address(b->dns, "host.test", FAKE_AAAA, "::1", 60);
	fake_dns_address(b->dns, "host.test", FAKE_AAAA, "::1", 60);
	place_add_address(b, 2);
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	assert_int_equal(c.dones, 0);
	place_advance(b, 250);
	assert_int_equal(place_peer_of(&c), 2);
	close(c.fd);
}

static void dial_name__ipv6_works__is_preferred(void **state)
{
	struct place *b = *state;
	struct call c = { 0 };

	if (!place_has_ipv6())
		skip();
	place_listen_at(b, place_local6(0), 4);
	place_serve_at(b, 2);
	fake_dns_address(b->dns, "host.test", FAKE_AAAA, "::1", 60);
	place_add_address(b, 2);
	place_dial_host(b, &c, &(struct dial_opts){ 0 });
	place_settle(b);
	assert_int_equal(c.err, 0);
	assert_int_equal(place_option(c.fd, SOL_SOCKET, SO_DOMAIN), AF_INET6);
	close(c.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(dial_name__one_address__connects),
		place_test(dial_name__first_refused__tries_the_second_at_once),
		place_test(dial_name__first_silent__tries_the_second_after_the_delay),
		place_test(dial_name__own_delay__is_obeyed),
		place_test(dial_name__first_answers_late__it_may_still_win),
		place_test(dial_name__all_refused__is_refused),
		place_test(dial_name__one_refused_one_silent__the_refusal_is_told),
		place_test(dial_name__second_refused_while_the_first_hangs__starts_the_third),
		place_test(dial_name__ipv6_refused__ipv4_is_next),
		place_test(dial_name__ipv6_silent__ipv4_takes_its_turn_after_the_first_ipv6),
		place_test(dial_name__ipv6_works__is_preferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
