// SPDX-License-Identifier: GPL-2.0-or-later
// The AnyTLS end of the bench peer: handshake, login, one stream, frames of chosen sizes.
#include "bench/peer.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "bench/sock.h"
#include "proto/addr.h"
#include "proto/preamble.h"

_Static_assert(PREAMBLE_HDR_LEN == sizeof(((struct near *)0)->head), "a preamble fits in the head");

/* None of it exists: every peer answers with its own scheme, which is ignored. */
static const char settings[] = "v=2\nclient=bench\npadding-md5=00000000000000000000000000000000";

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	if (!f || !text || !fread(text, 1, 65535, f))
		err(1, "%s", path);
	fclose(f);
	return text;
}

static void make_server(struct peer_tls *t, const struct peer_options *o, char *why, size_t room)
{
	char *cert = read_file(o->cert), *key = read_file(o->key);
	const uint8_t ticket_keys[TLS_TICKET_KEYS_LEN] = { 1 };
	const struct tls_keypair pair = { .cert_pem = cert, .key_pem = key, .name = "bench" };
	const struct tls_server_opts opts = {
		.pairs = &pair, .n_pairs = 1, .cipher_suites = o->suite, .ticket_keys = ticket_keys
	};

	t->server = tls_server_new(&opts, why, room);
	free(cert);
	free(key);
}

void peer_tls_init(struct peer_tls *t, const struct peer_options *o)
{
	const struct tls_client_opts client = { .server_name = "bench.test",
						.insecure = true,
						.cipher_suites = o->suite };
	char why[200] = "out of memory";

	*t = (struct peer_tls){ .in = malloc(WIRE_READ_ROOM) };
	if (!t->in || wire_shared_init(&t->sh, &t->pool) < 0)
		errx(1, "%s", why);
	if (o->plain)
		return;
	if (o->server)
		t->client = tls_client_new(&client, why, sizeof(why));
	else
		make_server(t, o, why, sizeof(why));
	if (!t->client && !t->server)
		errx(1, "%s", why);
}

void peer_tls_done(struct peer_tls *t)
{
	tls_client_free(t->client);
	tls_server_free(t->server);
	wire_shared_done(&t->sh);
	buf_pool_trim(&t->pool, 0);
	free(t->in);
}

int peer_patience_ms = 20000;

void peer_wait(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (poll(&p, 1, peer_patience_ms) < 1)
		errx(1, "the daemon is silent");
}

static struct wire *shake(struct peer_tls *t, const struct peer_options *o, int fd)
{
	struct handshake *h;
	int rc;

	if (o->plain)
		return wire_plain_new(&t->sh, fd);
	h = t->client ? handshake_connect(&t->sh, fd, t->client)
		      : handshake_accept(&t->sh, fd, t->server);
	if (!h)
		errx(1, "out of memory");
	while ((rc = handshake_step(h)) == -EAGAIN)
		peer_wait(fd, POLLIN);
	if (rc)
		errx(1, "%s", handshake_why(h));
	return handshake_finish(h);
}

static void begin(struct near *n, struct peer_tls *t, const struct peer_options *o, int fd)
{
	*n = (struct near){ .tls = t, .preamble_due = !o->server, .address_due = !o->server };
	n->wire = shake(t, o, fd);
	if (!n->wire)
		errx(1, "out of memory");
}

static uint8_t *put_frame(uint8_t *p, enum frame_cmd cmd, uint32_t id, const void *data, size_t len)
{
	frame_put(p, cmd, id, (uint16_t)len);
	memcpy(p + FRAME_HDR_LEN, data, len);
	return p + FRAME_HDR_LEN + len;
}

static void write_all(struct near *n, const struct iovec *iov, int pieces, enum wire_push push)
{
	if (wire_write(n->wire, iov, pieces, push) < 0)
		errx(1, "the daemon closed the session");
}

static void write_bytes(struct near *n, uint8_t *from, const uint8_t *to)
{
	struct iovec iov = { from, (size_t)(to - from) };

	write_all(n, &iov, 1, WIRE_NOW);
}

/* Login, settings and stream in one record. */
void near_connect(struct near *n, struct peer_tls *t, const struct peer_options *o)
{
	struct addr target = { .type = ADDR_IPV4, .port = o->own, .ip4 = { 127, 0, 0, 1 } };
	uint8_t hash[PREAMBLE_HASH_LEN], address[ADDR_WIRE_MAX], out[1024], *p = out;

	begin(n, t, o, sock_connect(o->port, 0));
	SHA256((const uint8_t *)o->password, strlen(o->password), hash);
	p += preamble_put(p, hash, 0);
	p = put_frame(p, FRAME_SETTINGS, 0, settings, sizeof(settings) - 1);
	p = put_frame(p, FRAME_SYN, PEER_STREAM, NULL, 0);
	p = put_frame(p, FRAME_PSH, PEER_STREAM, address, addr_put(ADDR_SOCKS, address, &target));
	write_bytes(n, out, p);
}

static void answer(struct near *n, enum frame_cmd cmd, uint32_t id, const char *text)
{
	uint8_t out[64];

	write_bytes(n, out, put_frame(out, cmd, id, text, strlen(text)));
}

/* The frame has been taken whole. */
static void frame_end(struct near *n)
{
	if (n->frame.cmd == FRAME_ALERT || n->frame.cmd == FRAME_FIN)
		errx(1, "the daemon ended the stream: %s", frame_name(n->frame.cmd));
	if (n->frame.cmd == FRAME_SETTINGS)
		answer(n, FRAME_SERVER_SETTINGS, 0, "v=2");
	if (n->frame.cmd == FRAME_PSH && n->address_due) {
		n->address_due = false;
		answer(n, FRAME_SYNACK, n->frame.stream_id, "");
	}
}

static void frame_data(struct near *n, const uint8_t *p, size_t len)
{
	if (n->frame.cmd == FRAME_PSH && !n->address_due) {
		content_check(n->in, p, len);
		n->in += len;
	}
	n->left -= (uint32_t)len;
	if (n->left == 0)
		frame_end(n);
}

/* The head is complete: that of a preamble or of a frame. */
static void head_end(struct near *n)
{
	n->have = 0;
	if (n->preamble_due) {
		n->skip = (uint32_t)preamble_padding(n->head, PREAMBLE_HDR_LEN);
		n->preamble_due = false;
		return;
	}
	frame_get(n->head, &n->frame);
	n->left = n->frame.len;
	if (n->left == 0)
		frame_end(n);
}

static void take(struct near *n, const uint8_t *p, size_t len)
{
	while (len > 0) {
		uint32_t *run = n->skip ? &n->skip : &n->left;
		size_t some = *run < len ? *run : len;

		if (n->skip) {
			n->skip -= (uint32_t)some;
		} else if (n->left) {
			frame_data(n, p, some);
		} else {
			n->head[n->have++] = *p;
			some = 1;
			if (n->have == (n->preamble_due ? PREAMBLE_HDR_LEN : FRAME_HDR_LEN))
				head_end(n);
		}
		p += some;
		len -= some;
	}
}

void near_receive(struct near *n)
{
	ssize_t got = wire_read(n->wire, n->tls->in);

	if (got == -EAGAIN)
		return;
	if (got <= 0)
		errx(1, "the session ended (%d)", wire_end(n->wire));
	take(n, n->tls->in, (size_t)got);
}

void near_accept(struct near *n, struct peer_tls *t, const struct peer_options *o, int listener)
{
	peer_wait(listener, POLLIN);
	begin(n, t, o, sock_accept(listener));
	for (near_receive(n); n->address_due; near_receive(n))
		peer_wait(wire_fd(n->wire), POLLIN);
}

void near_send(struct near *n, uint64_t at, uint32_t len)
{
	uint8_t header[FRAME_HDR_LEN];
	struct iovec iov[] = { { header, sizeof(header) }, { (void *)content_at(at), len } };

	frame_put(header, FRAME_PSH, PEER_STREAM, (uint16_t)len);
	write_all(n, iov, 2, WIRE_LATER);
}

void near_fin(struct near *n)
{
	answer(n, FRAME_FIN, PEER_STREAM, "");
}

void near_close(struct near *n)
{
	wire_free(n->wire);
}
