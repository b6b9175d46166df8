// SPDX-License-Identifier: GPL-2.0-or-later
// Tickets that come to a client of our own records, and what it resumes with: from our own server
// and from OpenSSL's with any number of them.
#include "wire/handshake.h"

#include "ktls_here.h"
#include "shake_bed.h"

/* One connection: our client, and either our server or OpenSSL's. */
static struct {
	int far;
	SSL *ssl; /* OpenSSL's */
	struct wire *server, *wire;
	bool kernel; /* reads and makes the records, where there is kernel TLS */
} c;

/* Early: tickets come before the kernel has the key, or never. */
static void to_kernel(struct wire *w)
{
	const struct wire_kernel_opts all = { .tx = true, .rx = true, .rekey_tx = ktls_rekeys() };

	if (c.kernel)
		assert_int_equal(wire_to_kernel(w, &all), 0);
}

static int set_up_kernel(void **state)
{
	c.kernel = true;
	return set_up(state);
}

static int tear_down_kernel(void **state)
{
	c.kernel = false;
	return tear_down(state);
}

static void hang_up(void)
{
	wire_free(c.wire);
	wire_free(c.server);
	SSL_free(c.ssl);
	if (c.ssl)
		close(c.far);
	c.ssl = NULL;
	c.server = c.wire = NULL;
}

static void await(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	poll(&ready, 1, 10);
}

/* Our client meets OpenSSL's server, which sends so many tickets. */
static void dial_openssl(size_t tickets)
{
	struct handshake *h;
	int fd[2], err = -EAGAIN, ret = 0;

	bed_tcp_pair(fd, 0);
	c.far = fd[0];
	c.ssl = tls_server_ssl(server);
	assert_true(SSL_set_fd(c.ssl, c.far));
	assert_true(SSL_set_num_tickets(c.ssl, tickets));
	h = handshake_connect(&sh, fd[1], client);
	for (int i = 0; i < 1000 && (err == -EAGAIN || ret != 1); i++) {
		err = err == -EAGAIN ? handshake_step(h) : err;
		ret = ret == 1 ? 1 : SSL_do_handshake(c.ssl);
		await(err == -EAGAIN ? fd[1] : c.far);
	}
	assert_int_equal(err, 0);
	assert_int_equal(ret, 1);
	c.wire = handshake_finish(h);
	assert_non_null(strstr(wire_describe(c.wire), "(records)"));
	to_kernel(c.wire);
}

/* Our client meets our server. */
static void dial_ours(void)
{
	struct handshake *s, *h;
	int fd[2], err_s = -EAGAIN, err_c = -EAGAIN;

	bed_tcp_pair(fd, 0);
	s = handshake_accept(&sh, fd[0], server);
	h = handshake_connect(&sh, fd[1], client);
	for (int i = 0; i < 1000 && (err_s == -EAGAIN || err_c == -EAGAIN); i++) {
		err_c = err_c == -EAGAIN ? handshake_step(h) : err_c;
		err_s = err_s == -EAGAIN ? handshake_step(s) : err_s;
		await(err_c == -EAGAIN ? fd[1] : fd[0]);
	}
	assert_int_equal(err_s, 0);
	assert_int_equal(err_c, 0);
	c.server = handshake_finish(s);
	c.wire = handshake_finish(h);
	to_kernel(c.server);
	to_kernel(c.wire);
}

static bool resumed(void)
{
	return strstr(wire_describe(c.wire), " resumed") != NULL;
}

/* What the client's wire gives next must be this. */
static void wire_wants(struct wire *w, const char *text)
{
	size_t have = 0, want = strlen(text);

	for (int i = 0; i < 1000 && have < want; i++) {
		ssize_t n = wire_read(w, in);

		assert_true(n > 0 ? (size_t)n <= want - have : n == -EAGAIN);
		if (n > 0)
			assert_memory_equal(in, text + have, n);
		have += n > 0 ? (size_t)n : 0;
		if (n < 0)
			await(wire_fd(w));
	}
	assert_int_equal(have, want);
}

static void wire_says(struct wire *w, const char *text)
{
	struct iovec iov = { (void *)text, strlen(text) };

	assert_int_equal(wire_write(w, &iov, 1, WIRE_NOW), 0);
}

/* A text each way. */
static void talk(void)
{
	char got[16] = "";

	if (c.ssl) {
		assert_int_equal(SSL_write(c.ssl, "hello", 5), 5);
		wire_wants(c.wire, "hello");
		wire_says(c.wire, "world");
		for (int i = 0; i < 1000 && SSL_read(c.ssl, got, sizeof(got)) <= 0; i++)
			await(c.far);
		assert_string_equal(got, "world");
		return;
	}
	wire_says(c.server, "hello");
	wire_wants(c.wire, "hello");
	wire_says(c.wire, "world");
	wire_wants(c.server, "world");
}

static void wire__our_server__is_resumed_with_time_and_again(void **state)
{
	(void)state;
	dial_ours();
	assert_false(resumed());
	for (int i = 0; i < 3; i++) {
		talk();
		hang_up();
		dial_ours();
		assert_true(resumed());
	}
	talk();
	hang_up();
}

static void wire__any_number_of_tickets__is_resumed_with_as_many(void **state)
{
	static const size_t tickets[] = { 0, 1, 2, 4 };

	for (size_t i = 0; i < COUNT(tickets); i++) {
		tear_down(state);
		set_up(state);
		dial_openssl(tickets[i]);
		talk();
		hang_up();
		/* a resumed handshake brings no more of them here */
		for (size_t uses = 0; uses < tickets[i]; uses++) {
			dial_openssl(0);
			assert_true(resumed());
			talk();
			hang_up();
		}
		dial_openssl(0);
		assert_false(resumed());
		talk();
		hang_up();
	}
}

/* Tickets and data in one receive. */
static void wire__tickets_and_data_at_once__are_both_taken(void **state)
{
	(void)state;
	dial_openssl(4);
	assert_int_equal(SSL_write(c.ssl, "one", 3), 3);
	assert_int_equal(SSL_write(c.ssl, "two", 3), 3);
	wire_wants(c.wire, "onetwo");
	hang_up();
	for (int i = 0; i < 4; i++) {
		dial_openssl(0);
		assert_true(resumed());
		hang_up();
	}
}

/* Nobody waits for those that come behind the first data; they do no harm. */
static void wire__ticket_behind_the_first_data__is_passed_over(void **state)
{
	(void)state;
	dial_openssl(0);
	talk();
	assert_true(SSL_new_session_ticket(c.ssl));
	talk();
	hang_up();
	dial_openssl(0);
	assert_false(resumed());
	talk();
	hang_up();
}

/* Ours is asked for three times before there is anything to send. */
static void wire__key_update_before_the_first_data__does_no_harm(void **state)
{
	(void)state;
	dial_openssl(1);
	for (int i = 0; i < 3; i++) {
		assert_true(SSL_key_update(c.ssl, SSL_KEY_UPDATE_REQUESTED));
		assert_int_equal(SSL_do_handshake(c.ssl), 1);
	}
	talk();
	hang_up();
	dial_openssl(0);
	assert_true(resumed()); /* by the ticket before the KeyUpdates */
	hang_up();
}

/* Where the kernel reads: test_wire_kernel_keys.c. */
static void wire__key_update_behind_the_first_data__does_no_harm(void **state)
{
	(void)state;
	dial_openssl(1);
	talk();
	assert_true(SSL_key_update(c.ssl, SSL_KEY_UPDATE_NOT_REQUESTED));
	talk();
	hang_up();
	dial_openssl(0);
	assert_true(resumed());
	hang_up();
}

/* A connection that ends before any data has still learnt its tickets. */
static void wire__end_before_any_data__keeps_the_tickets(void **state)
{
	(void)state;
	dial_openssl(2);
	SSL_shutdown(c.ssl);
	for (int i = 0; i < 1000 && wire_read(c.wire, in) == -EAGAIN; i++)
		await(wire_fd(c.wire));
	assert_int_equal(wire_end(c.wire), WIRE_CLOSED);
	hang_up();
	dial_openssl(0);
	assert_true(resumed());
	hang_up();
}

#define TEST(f)                                                                                    \
	cmocka_unit_test_setup_teardown(f, set_up, tear_down),                                     \
		cmocka_unit_test_setup_teardown(f, set_up_kernel, tear_down_kernel)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wire__our_server__is_resumed_with_time_and_again),
		TEST(wire__any_number_of_tickets__is_resumed_with_as_many),
		TEST(wire__tickets_and_data_at_once__are_both_taken),
		TEST(wire__ticket_behind_the_first_data__is_passed_over),
		TEST(wire__key_update_before_the_first_data__does_no_harm),
		cmocka_unit_test_setup_teardown(
			wire__key_update_behind_the_first_data__does_no_harm, set_up, tear_down),
		TEST(wire__end_before_any_data__keeps_the_tickets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
