// SPDX-License-Identifier: GPL-2.0-or-later
// Load of full TLS 1.3 handshakes, one after the other: the client of `handshake` in the benchmark.
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bench/sock.h"

static void fail(const char *what)
{
	ERR_print_errors_fp(stderr);
	errx(1, "%s", what);
}

/* No tickets are kept, so that every handshake is a full one; the certificate is not what is
 * measured. */
static SSL_CTX *make_ctx(const char *suite)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, suite) || !SSL_CTX_set1_groups_list(ctx, "X25519"))
		fail("TLS context");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

/* The server has read our Finished when it answers close_notify, or closes. What it sends until
 * then is read: a close with bytes unread would be a reset. */
static void finish(SSL *ssl)
{
	char buf[4096];

	if (SSL_shutdown(ssl) < 0)
		fail("close_notify");
	while (SSL_read(ssl, buf, sizeof(buf)) > 0)
		;
	if (SSL_session_reused(ssl))
		errx(1, "the session was resumed");
}

static void shake(SSL_CTX *ctx, uint16_t port, unsigned int nth)
{
	SSL *ssl = SSL_new(ctx);
	int fd = sock_connect(port, nth);

	if (fcntl(fd, F_SETFL, 0))
		err(1, "fcntl");
	if (!ssl || !SSL_set_fd(ssl, fd) || !SSL_set_tlsext_host_name(ssl, "bench.test"))
		fail("TLS connection");
	if (SSL_connect(ssl) != 1)
		fail("handshake");
	finish(ssl);
	SSL_free(ssl);
	close(fd);
	ERR_clear_error();
}

int main(int argc, char **argv)
{
	unsigned int count = argc == 4 ? (unsigned int)atoi(argv[2]) : 0;
	uint64_t started = sock_now_ns();
	SSL_CTX *ctx;

	if (!count)
		errx(2, "usage: shake PORT COUNT TLS-1.3-SUITE");
	alarm(120);
	ctx = make_ctx(argv[3]);
	for (unsigned int i = 0; i < count; i++)
		shake(ctx, sock_parse_port(argv[1]), i);
	printf("{\"handshakes\": %u, \"seconds\": %.6f}\n", count,
	       (double)(sock_now_ns() - started) / 1e9);
	SSL_CTX_free(ctx);
	return 0;
}
