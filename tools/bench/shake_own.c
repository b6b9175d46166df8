// SPDX-License-Identifier: GPL-2.0-or-later
// Full TLS 1.3 handshakes by the daemon's own code and nothing else of it: what `openssl s_time` is
// compared with.
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/sock.h"
#include "wire/handshake.h"

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	if (!f || !text || !fread(text, 1, 65535, f))
		err(1, "%s", path);
	fclose(f);
	return text;
}

static struct tls_client *make_client(const char *ca_pem)
{
	const struct tls_client_opts opts = { .server_name = "bench.test", .ca_pem = ca_pem };
	char why[200] = "out of memory";
	struct tls_client *c = tls_client_new(&opts, why, sizeof(why));

	if (!c)
		errx(1, "%s", why);
	return c;
}

/* To the wire, which is closed at once: what comes after a handshake is not measured. */
static void shake(struct wire_shared *sh, struct tls_client *c, int fd)
{
	struct handshake *h = handshake_connect(sh, fd, c);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int rc;

	if (!h)
		errx(1, "out of memory");
	poll(&p, 1, 1000);
	p.events = POLLIN;
	while ((rc = handshake_step(h)) == -EAGAIN)
		if (poll(&p, 1, 1000) < 1)
			errx(1, "the server is silent");
	if (rc)
		errx(1, "%s", handshake_why(h));
	wire_free(handshake_finish(h));
}

int main(int argc, char **argv)
{
	unsigned int count = argc == 4 ? (unsigned int)atoi(argv[2]) : 0;
	struct buf_pool pool = { 0 };
	struct wire_shared sh;
	struct tls_client *c;
	char *pem;

	if (!count)
		errx(2, "usage: shake_own PORT COUNT CERTIFICATE");
	pem = read_file(argv[3]);
	c = make_client(pem);
	if (wire_shared_init(&sh, &pool) < 0)
		errx(1, "out of memory");
	for (unsigned int i = 0; i < count; i++)
		shake(&sh, c, sock_connect(sock_parse_port(argv[1]), i));
	tls_client_free(c);
	wire_shared_done(&sh);
	buf_pool_trim(&pool, 0);
	free(pem);
	return 0;
}
