// SPDX-License-Identifier: GPL-2.0-or-later
// Handshakes on sockets: success, strangers, single bytes, and that nothing beyond them is read.
#include "wire/handshake.h"

#include "tls_pair.h"

#include "tcp_bed.h"

static struct buf_pool pool;
static struct wire_shared sh;
static struct made cert;
static struct tls_server *server;
static struct tls_client *client;
static int fd[2]; /* [1] is the server's */

static struct tls_client *client_for(const char *name, bool insecure, const char *ca)
{
	static const char *const alpn[] = { "h2", "http/1.1" };
	const struct tls_client_opts opts = {
		.server_name = name, .insecure = insecure, .ca_pem = ca, .alpn = alpn, .n_alpn = 2
	};

	return client_of(&opts);
}

static int set_up(void **state)
{
	static const char *const alpn[] = { "http/1.1" };
	static const uint8_t keys[TLS_TICKET_KEYS_LEN] = { 1 };
	struct tls_keypair pair;
	struct tls_server_opts opts = {
		.pairs = &pair, .n_pairs = 1, .alpn = alpn, .n_alpn = 1, .ticket_keys = keys
	};

	(void)state;
	cert = make_self_signed("a.test");
	pair = (struct tls_keypair){ .cert_pem = cert.cert, .key_pem = cert.key, .name = "test" };
	server = server_of(&opts);
	client = client_for("a.test", false, cert.cert);
	bed_tcp_pair(fd, 0);
	return wire_shared_init(&sh, &pool);
}

static int tear_down(void **state)
{
	(void)state;
	tls_server_free(server);
	tls_client_free(client);
	made_free(&cert);
	wire_shared_done(&sh);
	assert_int_equal(pool.bytes_out, 0);
	buf_pool_trim(&pool, 0);
	return 0;
}

static void wait_for(int on)
{
	struct pollfd p = { .fd = on, .events = POLLIN };

	poll(&p, 1, 20);
}

/* Steps until it is done or fails. */
static int finish_step(struct handshake *h)
{
	int err = handshake_step(h);

	for (int i = 0; i < 100 && err == -EAGAIN; i++) {
		wait_for(handshake_fd(h));
		err = handshake_step(h);
	}
	return err;
}

/* Steps both; what each came to. */
static void run_both(struct handshake *s, struct handshake *c, int *ret_s, int *ret_c)
{
	*ret_s = *ret_c = -EAGAIN;
	for (int i = 0; i < 100 && (*ret_s == -EAGAIN || *ret_c == -EAGAIN); i++) {
		if (*ret_c == -EAGAIN)
			*ret_c = handshake_step(c);
		if (*ret_s == -EAGAIN)
			*ret_s = handshake_step(s);
		poll(NULL, 0, 1);
	}
}

static void handshake__both_ends__agree_and_become_wires(void **state)
{
	struct handshake *s = handshake_accept(&sh, fd[1], server);
	struct handshake *c = handshake_connect(&sh, fd[0], client);
	struct iovec iov = { (char *)"hello", 5 };
	uint8_t *p = malloc(WIRE_READ_ROOM);
	struct wire *ws, *wc;
	int err_s, err_c;
	const char *alpn;
	size_t len;
	ssize_t n;

	(void)state;
	assert_true(s && c && p);
	assert_int_equal(handshake_fd(s), fd[1]);
	run_both(s, c, &err_s, &err_c);
	assert_int_equal(err_c, 0);
	assert_int_equal(err_s, 0);
	alpn = handshake_alpn(c, &len);
	assert_int_equal(len, 8);
	assert_memory_equal(alpn, "http/1.1", 8);
	ws = handshake_finish(s);
	wc = handshake_finish(c);
	assert_true(ws && wc);
	assert_int_equal(wire_write(wc, &iov, 1, WIRE_NOW), 0);
	wait_for(wire_fd(ws));
	assert_int_equal(wire_read(ws, p), 5);
	assert_memory_equal(p, "hello", 5);
	assert_int_equal(wire_write(ws, &iov, 1, WIRE_NOW), 0);
	for (n = -EAGAIN; n == -EAGAIN; wait_for(wire_fd(wc)))
		n = wire_read(wc, p); /* tickets come first */
	assert_int_equal(n, 5);
	wire_free(ws);
	wire_free(wc);
	free(p);
}

static void handshake_step__data_right_behind_finished__stays_in_the_socket(void **state)
{
	struct handshake *s = handshake_accept(&sh, fd[1], server);
	struct handshake *c = handshake_connect(&sh, fd[0], client);
	struct iovec iov = { (char *)"early bird", 10 };
	uint8_t hdr[5], *p = malloc(WIRE_READ_ROOM);
	struct wire *ws, *wc;

	(void)state;
	assert_int_equal(handshake_step(c), -EAGAIN);
	wait_for(fd[1]);
	assert_int_equal(handshake_step(s), -EAGAIN);
	assert_int_equal(finish_step(c), 0);
	wc = handshake_finish(c);
	assert_non_null(wc);
	assert_int_equal(wire_write(wc, &iov, 1, WIRE_NOW), 0);
	poll(NULL, 0, 5);
	assert_int_equal(finish_step(s), 0);
	assert_int_equal(recv(fd[1], hdr, 5, MSG_PEEK), 5);
	assert_int_equal(hdr[0], 23); /* a data record, from its first byte on */
	assert_int_equal(hdr[3] << 8 | hdr[4], 10 + 17);
	ws = handshake_finish(s);
	assert_non_null(ws);
	assert_int_equal(wire_read(ws, p), 10);
	assert_memory_equal(p, "early bird", 10);
	wire_free(ws);
	wire_free(wc);
	free(p);
}

static void check_stranger(const void *p, size_t n, int want)
{
	struct handshake *s;

	(void)set_up(NULL);
	s = handshake_accept(&sh, fd[1], server);
	assert_non_null(s);
	assert_int_equal(handshake_step(s), -EAGAIN);
	assert_int_equal(send(fd[0], p, n, MSG_NOSIGNAL), n);
	wait_for(fd[1]);
	if (want == -EAGAIN) { /* waits for more; EOF ends it */
		assert_int_equal(handshake_step(s), -EAGAIN);
		shutdown(fd[0], SHUT_WR);
		want = -ECONNRESET;
	}
	assert_int_equal(finish_step(s), want);
	assert_true(strlen(handshake_why(s)) > 0);
	handshake_free(s);
	close(fd[0]);
	(void)tear_down(NULL);
}

static void handshake_step__strangers__fail_at_once(void **state)
{
	static const uint8_t zeros[64], ones[64] = { [0 ... 63] = 0xff };
	static const uint8_t hello_cut[] = { 22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 };
	static const uint8_t record_of_junk[] = { 22, 3, 1, 0, 8, 9, 9, 9, 9, 9, 9, 9, 9 };
	static const uint8_t too_long[] = { 22, 3, 1, 0xff, 0xff, 1 };
	static const uint8_t data_first[] = { 23, 3, 3, 0, 3, 1, 2, 3 };

	(void)state;
	check_stranger("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 32, -EPROTO);
	check_stranger(zeros, sizeof(zeros), -EPROTO);
	check_stranger(ones, sizeof(ones), -EPROTO);
	check_stranger(record_of_junk, sizeof(record_of_junk), -EPROTO);
	check_stranger(too_long, sizeof(too_long), -EPROTO);
	check_stranger(data_first, sizeof(data_first), -EPROTO);
	check_stranger(hello_cut, sizeof(hello_cut), -EAGAIN);
	check_stranger("\026", 1, -EAGAIN);
	check_stranger("\026\003\001\002\000", 5, -EAGAIN);
}

/* The other end sees a FIN, not an RST, of a server that had not read all of it. */
static void handshake_step__server_fails__what_follows_is_read(void **state)
{
	struct handshake *s = handshake_accept(&sh, fd[1], server);
	char junk[9000] = "\026\003\001", byte;

	(void)state;
	assert_int_equal(send(fd[0], junk, sizeof(junk), MSG_NOSIGNAL), sizeof(junk));
	assert_int_equal(finish_step(s), -EPROTO);
	handshake_free(s);
	while (wait_for(fd[0]), recv(fd[0], &byte, 1, 0) > 0)
		;
	assert_int_equal(recv(fd[0], &byte, 1, 0), 0);
	close(fd[0]);
}

static void handshake_step__header_too_long__fails_without_the_body(void **state)
{
	static const uint8_t longer[] = { 22, 3, 1, 0x42, 0, 1 };

	(void)state;
	check_stranger(longer, sizeof(longer), -EPROTO);
}

static void handshake_step__eof_or_reset_at_once__is_econnreset(void **state)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };
	struct handshake *s = handshake_accept(&sh, fd[1], server);

	(void)state;
	close(fd[0]);
	assert_int_equal(finish_step(s), -ECONNRESET);
	assert_non_null(strstr(handshake_why(s), "closed"));
	handshake_free(s);
	bed_tcp_pair(fd, 0);
	s = handshake_accept(&sh, fd[1], server);
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd[0]);
	assert_int_equal(finish_step(s), -ECONNRESET);
	assert_true(strlen(handshake_why(s)) > 0);
	handshake_free(s);
}

static void handshake_step__client_meets_plain_http__fails(void **state)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct handshake *c = handshake_connect(&sh, fd[0], client);

	(void)state;
	assert_int_equal(handshake_step(c), -EAGAIN);
	assert_int_equal(send(fd[1], answer, sizeof(answer) - 1, 0), sizeof(answer) - 1);
	assert_int_equal(finish_step(c), -EPROTO);
	assert_true(strlen(handshake_why(c)) > 0);
	handshake_free(c);
	close(fd[1]);
}

/* The client tells the server by an alert, and the log by words. */
static void check_refusal(struct tls_client *with, const char *want)
{
	struct handshake *s = handshake_accept(&sh, fd[1], server);
	struct handshake *c = handshake_connect(&sh, fd[0], with);
	int err_s, err_c;

	run_both(s, c, &err_s, &err_c);
	assert_int_equal(err_c, -EPROTO);
	assert_int_equal(err_s, -EPROTO);
	if (!strstr(handshake_why(c), want))
		fail_msg("%s", handshake_why(c));
	assert_non_null(strstr(handshake_why(s), "alert"));
	handshake_free(s);
	handshake_free(c);
	tls_client_free(with);
}

static void handshake_why__untrusted_certificate__names_it(void **state)
{
	struct made other = make_self_signed("other.test");

	(void)state;
	check_refusal(client_for("a.test", false, other.cert), "certificate");
	bed_tcp_pair(fd, 0);
	check_refusal(client_for("b.test", false, cert.cert), "b.test");
	made_free(&other);
}

/* Moves one byte each way; whether there was any. */
static bool relay_byte(int a, int b)
{
	char byte;
	bool any = false;

	if (recv(a, &byte, 1, 0) == 1) {
		assert_int_equal(send(b, &byte, 1, MSG_NOSIGNAL), 1);
		any = true;
	}
	if (recv(b, &byte, 1, 0) == 1) {
		assert_int_equal(send(a, &byte, 1, MSG_NOSIGNAL), 1);
		any = true;
	}
	return any;
}

static void handshake_step__single_bytes__succeeds(void **state)
{
	int err_s = -EAGAIN, err_c = -EAGAIN, other[2];
	struct handshake *s, *c;

	(void)state;
	bed_tcp_pair(other, 0);
	s = handshake_accept(&sh, fd[1], server);
	c = handshake_connect(&sh, other[0], client);
	for (int i = 0; i < 20000 && (err_s == -EAGAIN || err_c == -EAGAIN); i++) {
		if (err_c == -EAGAIN)
			err_c = handshake_step(c);
		if (err_s == -EAGAIN)
			err_s = handshake_step(s);
		relay_byte(fd[0], other[1]);
	}
	assert_int_equal(err_c, 0);
	assert_int_equal(err_s, 0);
	handshake_free(s);
	handshake_free(c);
	close(fd[0]);
	close(other[1]);
}

static void handshake_free__midway__closes_the_socket(void **state)
{
	struct handshake *c = handshake_connect(&sh, fd[0], client);
	char byte[4096];

	(void)state;
	assert_int_equal(handshake_step(c), -EAGAIN);
	handshake_free(c);
	handshake_free(NULL);
	wait_for(fd[1]);
	assert_true(recv(fd[1], byte, sizeof(byte), 0) > 0);
	wait_for(fd[1]);
	assert_int_equal(recv(fd[1], byte, sizeof(byte), 0), 0);
	close(fd[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(handshake__both_ends__agree_and_become_wires),
		TEST(handshake_step__data_right_behind_finished__stays_in_the_socket),
		cmocka_unit_test(handshake_step__strangers__fail_at_once),
		TEST(handshake_step__server_fails__what_follows_is_read),
		cmocka_unit_test(handshake_step__header_too_long__fails_without_the_body),
		TEST(handshake_step__eof_or_reset_at_once__is_econnreset),
		TEST(handshake_step__client_meets_plain_http__fails),
		TEST(handshake_why__untrusted_certificate__names_it),
		TEST(handshake_step__single_bytes__succeeds),
		TEST(handshake_free__midway__closes_the_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
