// SPDX-License-Identifier: GPL-2.0-or-later
// The floor: a bare one-thread relay that runs every byte once through an AEAD cipher, and no more.
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "bench/sock.h"

#define RECORD 16384

/* A chunk that is being moved; free ones form a stack, so the warmest is used next. */
struct chunk {
	struct chunk *next;
	size_t at, len;
	unsigned char data[SOCK_CHUNK];
};

/* One socket. `held` is what came from it and its peer has not taken yet: while set, it is not
 * read. */
struct end {
	struct end *peer;
	struct chunk *held;
	int fd;
	uint32_t events;
	bool eof;
};

/* Both ends of a relayed connection; `dead` defers the release to the end of an epoll batch. */
struct pair {
	struct end client, target;
	struct pair *next_dead;
	bool dead;
};

struct relay {
	EVP_CIPHER_CTX *cipher; /* NULL: plain relay */
	struct chunk *free_chunks;
	struct pair *dead;
	int epoll, listener;
	uint16_t target_port;
};

static void seal(EVP_CIPHER_CTX *cipher, unsigned char *data, size_t len)
{
	static unsigned char iv[12];
	unsigned char tag[16];
	int n;

	for (size_t at = 0; at < len; at += RECORD) {
		size_t part = len - at < RECORD ? len - at : RECORD;

		if (!EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, iv) ||
		    !EVP_EncryptUpdate(cipher, data + at, &n, data + at, (int)part) ||
		    !EVP_EncryptFinal_ex(cipher, tag, &n) ||
		    !EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag))
			errx(1, "the cipher failed");
		iv[11]++;
	}
}

/* NULL for "none". */
static EVP_CIPHER_CTX *make_cipher(const char *name)
{
	static const unsigned char key[32] = "no secret at all, and long enoug";
	const EVP_CIPHER *cipher = NULL;
	EVP_CIPHER_CTX *ctx;

	if (!strcmp(name, "none"))
		return NULL;
	if (!strcmp(name, "aes-128-gcm"))
		cipher = EVP_aes_128_gcm();
	else if (!strcmp(name, "aes-256-gcm"))
		cipher = EVP_aes_256_gcm();
	else if (!strcmp(name, "chacha20"))
		cipher = EVP_chacha20_poly1305();
	else
		errx(2, "no such cipher: %s", name);
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx || !EVP_EncryptInit_ex(ctx, cipher, NULL, key, NULL))
		errx(1, "%s is not available", name);
	return ctx;
}

static struct chunk *chunk_get(struct relay *r)
{
	struct chunk *c = r->free_chunks;

	if (c)
		r->free_chunks = c->next;
	else
		c = malloc(sizeof(*c));
	if (!c)
		err(1, "malloc");
	return c;
}

static void chunk_put(struct relay *r, struct chunk *c)
{
	c->next = r->free_chunks;
	r->free_chunks = c;
}

static struct pair *pair_of(struct end *e)
{
	/* the client is the first member: the address of the pair is the lower of the two */
	return (struct pair *)(void *)(e < e->peer ? e : e->peer);
}

static void pair_kill(struct relay *r, struct pair *p)
{
	if (p->dead)
		return;
	p->dead = true;
	close(p->client.fd);
	close(p->target.fd);
	if (p->client.held)
		chunk_put(r, p->client.held);
	if (p->target.held)
		chunk_put(r, p->target.held);
	p->next_dead = r->dead;
	r->dead = p;
}

static void end_update(struct relay *r, struct end *e)
{
	uint32_t events = (!e->held && !e->eof ? EPOLLIN : 0) | (e->peer->held ? EPOLLOUT : 0);

	if (events != e->events)
		sock_rewatch(r->epoll, e->fd, events, e);
	e->events = events;
}

/* Gives what is held to the peer: 1 when all is gone, 0 when the peer is full, -1 when it is
 * broken. */
static int flush(struct relay *r, struct end *from)
{
	struct chunk *c = from->held;
	ssize_t n = send(from->peer->fd, c->data + c->at, c->len - c->at, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	c->at += (size_t)n;
	if (c->at < c->len)
		return 0;
	from->held = NULL;
	chunk_put(r, c);
	return 1;
}

static int move(struct relay *r, struct end *from)
{
	struct chunk *c = chunk_get(r);
	ssize_t n = recv(from->fd, c->data, sizeof(c->data), 0);

	if (n <= 0)
		chunk_put(r, c);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if (!n) {
		from->eof = true;
		return shutdown(from->peer->fd, SHUT_WR);
	}
	if (r->cipher)
		seal(r->cipher, c->data, (size_t)n);
	c->at = 0;
	c->len = (size_t)n;
	from->held = c;
	return flush(r, from);
}

static void on_event(struct relay *r, struct end *e, uint32_t events)
{
	struct pair *p = pair_of(e);
	int rc = 0;

	if (p->dead)
		return;
	if ((events & EPOLLOUT) && e->peer->held)
		rc = flush(r, e->peer);
	if (rc >= 0 && (events & EPOLLIN) && !e->held && !e->eof)
		rc = move(r, e);
	if (rc < 0 || (events & EPOLLERR) || (e->eof && e->peer->eof)) {
		pair_kill(r, p);
		return;
	}
	end_update(r, e);
	end_update(r, e->peer);
}

static void on_accept(struct relay *r)
{
	int fd;

	while ((fd = sock_accept(r->listener)) >= 0) {
		struct pair *p = calloc(1, sizeof(*p));

		if (!p)
			err(1, "calloc");
		p->client = (struct end){ .peer = &p->target, .fd = fd, .events = EPOLLIN };
		p->target = (struct end){ .peer = &p->client, .events = EPOLLIN };
		p->target.fd = sock_connect(r->target_port, 0);
		sock_watch(r->epoll, fd, EPOLLIN, &p->client);
		sock_watch(r->epoll, p->target.fd, EPOLLIN, &p->target);
	}
}

static void bury(struct relay *r)
{
	while (r->dead) {
		struct pair *p = r->dead;

		r->dead = p->next_dead;
		free(p);
	}
}

static void run(struct relay *r)
{
	struct epoll_event events[64];

	for (;;) {
		int n = epoll_wait(r->epoll, events, 64, -1);

		if (n < 0 && errno != EINTR)
			err(1, "epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(r, events[i].data.ptr, events[i].events);
			else
				on_accept(r);
		}
		bury(r);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "cipher", required_argument, NULL, 'c' },
						 { 0 } };
	struct relay r = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
	const char *cipher = "aes-128-gcm";
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) == 'c')
		cipher = optarg;
	if (opt != -1 || argc - optind != 2)
		errx(2, "usage: floor [--cipher aes-128-gcm|aes-256-gcm|chacha20|none] PORT "
			"TARGET-PORT");
	sock_raise_limit();
	r.cipher = make_cipher(cipher);
	r.listener = sock_listen(sock_parse_port(argv[optind]));
	r.target_port = sock_parse_port(argv[optind + 1]);
	sock_watch(r.epoll, r.listener, EPOLLIN, NULL);
	run(&r);
	return 0;
}
