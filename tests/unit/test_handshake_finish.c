// SPDX-License-Identifier: GPL-2.0-or-later
// What a finished handshake hands over, and to whom: our records where they can go on, OpenSSL's
// where they cannot.
#include "wire/handshake.h"

#include "shake_bed.h"

static void await(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	poll(&ready, 1, 10);
}

/* Our server's handshake with this client of OpenSSL's. */
static struct handshake *shake_hands(SSL *far, int fd[2])
{
	struct handshake *h;
	int err = -EAGAIN, ret = 0;

	bed_tcp_pair(fd, 0);
	assert_true(SSL_set_fd(far, fd[0]));
	h = handshake_accept(&sh, fd[1], server);
	for (int i = 0; i < 1000 && (err == -EAGAIN || ret != 1); i++) {
		ret = ret == 1 ? 1 : SSL_do_handshake(far);
		err = err == -EAGAIN ? handshake_step(h) : err;
		await(err == -EAGAIN ? fd[1] : fd[0]);
	}
	assert_int_equal(err, 0);
	assert_int_equal(ret, 1);
	return h;
}

/* n bytes to the far end: no record of it may be longer than `longest`. */
static void check_moves(struct wire *w, SSL *far, size_t n, size_t longest)
{
	static uint8_t text[40000], got[40000];
	struct iovec iov = { text, n };
	size_t have = 0;

	for (size_t i = 0; i < n; i++)
		text[i] = bed_byte(i, 0);
	assert_int_equal(wire_write(w, &iov, 1, WIRE_NOW), 0);
	for (int i = 0; i < 1000 && have < n; i++) {
		int part = SSL_read(far, got + have, (int)(n - have));

		assert_true(part <= (int)longest);
		have += part > 0 ? (size_t)part : 0;
		if (part <= 0)
			await(SSL_get_fd(far));
	}
	assert_int_equal(have, n);
	assert_memory_equal(got, text, n);
	assert_int_equal(SSL_write(far, "thanks", 6), 6);
	for (int i = 0; i < 1000 && wire_read(w, in) == -EAGAIN; i++)
		await(wire_fd(w));
	assert_memory_equal(in, "thanks", 6);
}

static void check_wire(SSL *far, bool again, const char *kind, size_t longest)
{
	int fd[2];
	struct handshake *h = shake_hands(far, fd);
	struct wire *w;

	if (again)
		assert_int_equal(handshake_step(h), 0);
	w = handshake_finish(h);
	assert_non_null(strstr(wire_describe(w), kind));
	check_moves(w, far, 40000, longest);
	wire_free(w);
	SSL_free(far);
	close(fd[0]);
}

static void handshake_finish__tls13__is_carried_by_our_records(void **state)
{
	(void)state;
	check_wire(tls_client_ssl(client), false, "(records)", 16384);
}

/* The tickets are counted among the records that were sent, however often the end is asked for. */
static void handshake_finish__step_after_success__still_counts_the_tickets(void **state)
{
	(void)state;
	check_wire(tls_client_ssl(client), true, "(records)", 16384);
}

static void handshake_finish__tls12__is_carried_by_openssl(void **state)
{
	SSL *far = tls_client_ssl(client);

	(void)state;
	assert_true(SSL_set_max_proto_version(far, TLS1_2_VERSION));
	check_wire(far, false, "(OpenSSL)", 16384);
}

/* Our records are long; a client that cannot take them is left to OpenSSL, which heeds its wish. */
static void handshake_finish__client_wants_short_records__gets_them(void **state)
{
	static const struct {
		uint8_t code;
		size_t longest;
	} wishes[] = { { TLSEXT_max_fragment_length_512, 512 },
		       { TLSEXT_max_fragment_length_1024, 1024 },
		       { TLSEXT_max_fragment_length_4096, 4096 } };

	for (size_t i = 0; i < COUNT(wishes); i++) {
		SSL *far;

		tear_down(state); /* and with it the tickets, which are for one length */
		set_up(state);
		far = tls_client_ssl(client);
		assert_true(SSL_set_tlsext_max_fragment_length(far, wishes[i].code));
		check_wire(far, false, "(OpenSSL)", wishes[i].longest);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(handshake_finish__tls13__is_carried_by_our_records),
		TEST(handshake_finish__step_after_success__still_counts_the_tickets),
		TEST(handshake_finish__tls12__is_carried_by_openssl),
		TEST(handshake_finish__client_wants_short_records__gets_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
