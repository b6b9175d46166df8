// SPDX-License-Identifier: GPL-2.0-or-later
// record_peer ROLE SUITE RECORDS_MAX TASK N: our handshakes and records on N connected sockets,
// from descriptor 3 on, one after the other. ROLE is server or client; tests/interop/records is the
// other end, and knows the tasks.
//
// For each it prints "up DESCRIPTION" and "end KIND".
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/handshake.h"
#include "wire/self_signed.h"

#define SIZE_MAX_TESTED 16384
#define PATTERN		65521 /* bytes, then it begins anew */
#define QUEUE_MAX	(256 * 1024)

struct ssl_st *__real_tls_client_ssl(struct tls_client *c);
struct ssl_st *__wrap_tls_client_ssl(struct tls_client *c);
struct ssl_st *__real_tls_server_ssl(struct tls_server *s);
struct ssl_st *__wrap_tls_server_ssl(struct tls_server *s);

static const char *suite;
static struct buf_pool pool;
static struct wire_shared sh;
static struct tls_server *server;
static struct tls_client *client;
static uint8_t pattern[PATTERN + WIRE_READ_ROOM], in[WIRE_READ_ROOM];

static void die(const char *what)
{
	fprintf(stderr, "record_peer: %s\n", what);
	exit(1);
}

/* Go does not choose among the suites of TLS 1.3, so this end does. */
struct ssl_st *__wrap_tls_client_ssl(struct tls_client *c)
{
	SSL *ssl = __real_tls_client_ssl(c);

	if (!ssl || !SSL_set_ciphersuites(ssl, suite))
		die("no such suite");
	return ssl;
}

struct ssl_st *__wrap_tls_server_ssl(struct tls_server *s)
{
	SSL *ssl = __real_tls_server_ssl(s);

	if (!ssl || !SSL_set_ciphersuites(ssl, suite))
		die("no such suite");
	return ssl;
}

static void set_up(bool is_server)
{
	const char *const names[] = { "localhost" };
	static const uint8_t keys[TLS_TICKET_KEYS_LEN] = { 1 };
	char why[200] = "out of memory", *cert = NULL, *key = NULL;
	struct tls_keypair pair = { .name = "test" };
	const struct tls_server_opts so = { .pairs = &pair, .n_pairs = 1, .ticket_keys = keys };
	const struct tls_client_opts co = { .server_name = "localhost", .insecure = true };

	if (self_signed(names, 1, 30, &cert, &key) < 0 || wire_shared_init(&sh, &pool) < 0)
		die(why);
	pair.cert_pem = cert;
	pair.key_pem = key;
	if (is_server)
		server = tls_server_new(&so, why, sizeof(why));
	else
		client = tls_client_new(&co, why, sizeof(why));
	if (!server && !client)
		die(why);
	free(cert);
	free(key);
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i % PATTERN * 131 + i % PATTERN / 251);
}

static void await(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (poll(&p, 1, 30000) != 1)
		die("nothing happened for 30 seconds");
}

static struct wire *shake_hands(int fd)
{
	struct handshake *h;
	struct wire *w;
	int err;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	h = server ? handshake_accept(&sh, fd, server) : handshake_connect(&sh, fd, client);
	if (!h)
		die("out of memory");
	while ((err = handshake_step(h)) == -EAGAIN)
		await(fd, POLLIN);
	if (err < 0)
		die(handshake_why(h));
	w = handshake_finish(h);
	if (!w)
		die("out of memory");
	printf("up %s\n", wire_describe(w));
	return w;
}

static void check(int err)
{
	if (err < 0 && err != -EAGAIN)
		die(strerror(-err));
}

/* What was read is the pattern from *at on. */
static void verify(uint64_t *at, const uint8_t *p, size_t n)
{
	if (memcmp(p, pattern + *at % PATTERN, n) != 0)
		die("the peer's bytes differ");
	*at += n;
}

/* A record of every size, as far as the socket keeps up. Returns the next size. */
static size_t put_sizes(struct wire *w, size_t next, uint64_t *at)
{
	check(wire_flush(w));
	for (; next <= SIZE_MAX_TESTED && wire_queued(w) < QUEUE_MAX; next++) {
		struct iovec iov = { pattern + *at % PATTERN, next };

		check(wire_write(w, &iov, 1, WIRE_LATER));
		*at += next;
	}
	check(wire_flush(w));
	return next;
}

/* Every size both ways at the same time, then close_notify. */
static void task_sizes(struct wire *w)
{
	uint64_t sent = 0, got = 0;
	size_t next = 1;
	ssize_t n;

	do {
		next = put_sizes(w, next, &sent);
		n = wire_read(w, in);
		if (n > 0)
			verify(&got, in, (size_t)n);
		else if (n == -EAGAIN)
			await(wire_fd(w), wire_queued(w) ? POLLIN | POLLOUT : POLLIN);
		else if (wire_queued(w))
			await(wire_fd(w), POLLOUT);
	} while (n != 0 || next <= SIZE_MAX_TESTED);
	if (got != sent)
		die("the peer ended early");
	check(wire_shutdown(w));
	while (wire_flush(w) == -EAGAIN)
		await(wire_fd(w), POLLOUT);
}

static void say(struct wire *w, const uint8_t *p, size_t n)
{
	struct iovec iov = { (void *)p, n };

	check(wire_write(w, &iov, 1, WIRE_NOW));
}

static bool is(const char *text, ssize_t n)
{
	return (size_t)n == strlen(text) && memcmp(in, text, (size_t)n) == 0;
}

/* Ends in the middle of a record: more than the socket takes, and what it did not take is lost. */
static void cut(struct wire *w)
{
	while (wire_queued(w) == 0)
		say(w, pattern, WIRE_WRITE_MAX);
	wire_free(w);
}

/* Says what it is told; at some words it ends. Returns the wire, or NULL where it is gone. */
static struct wire *task_echo(struct wire *w)
{
	static const struct {
		const char *word;
		void (*act)(struct wire *w);
	} last[] = { { "free", wire_free }, { "abort", wire_abort }, { "cut", cut } };
	ssize_t n;

	while ((n = wire_read(w, in)) != 0) {
		if (n == -EAGAIN) {
			await(wire_fd(w), POLLIN);
			continue;
		}
		say(w, in, (size_t)n);
		if (is("close", n))
			check(wire_shutdown(w));
		for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
			if (is(last[i].word, n)) {
				puts("end ours");
				last[i].act(w);
				return NULL;
			}
	}
	return w;
}

int main(int argc, char **argv)
{
	static const char *const ends[] = { "open", "closed", "truncated", "reset" };

	if (argc != 6)
		die("ROLE SUITE RECORDS_MAX TASK N");
	setvbuf(stdout, NULL, _IOLBF, 0);
	suite = argv[2];
	set_up(strcmp(argv[1], "server") == 0);
	sh.records_max = strtoull(argv[3], NULL, 10);
	for (int i = 0; i < atoi(argv[5]); i++) {
		struct wire *w = shake_hands(3 + i);

		if (strcmp(argv[4], "sizes") == 0)
			task_sizes(w);
		else
			w = task_echo(w);
		if (w)
			printf("end %s\n", ends[wire_end(w)]);
		wire_free(w);
	}
	tls_server_free(server);
	tls_client_free(client);
	buf_pool_trim(&pool, 0);
	wire_shared_done(&sh);
	return 0;
}
