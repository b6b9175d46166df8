// SPDX-License-Identifier: GPL-2.0-or-later
// The plain end of the bench peer, and the payload that both ends agree on.
#include "bench/peer.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/sock.h"

/* A prime, so that no frame, record or buffer has the same bytes as the one before. */
#define PERIOD 65521

static const uint8_t *content(void)
{
	static uint8_t bytes[PERIOD + CONTENT_MAX];
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(bytes) && !bytes[sizeof(bytes) - 1]; i++) {
		x = i < PERIOD ? x * 1664525 + 1013904223 : x;
		bytes[i] = i < PERIOD ? (uint8_t)(x >> 24 | 1) : bytes[i - PERIOD];
	}
	return bytes;
}

const uint8_t *content_at(uint64_t at)
{
	return content() + at % PERIOD;
}

void content_check(uint64_t at, const uint8_t *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		size_t some = n - done < CONTENT_MAX ? n - done : CONTENT_MAX;

		if (memcmp(content_at(at + done), p + done, some) != 0)
			errx(1, "wrong bytes after %llu", (unsigned long long)(at + done));
		done += some;
	}
}

static void send_all(int fd, const void *p, size_t n)
{
	if (send(fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
		err(1, "send to the proxy");
}

static void want(int fd, const uint8_t *bytes, size_t n, size_t rest)
{
	uint8_t reply[16];

	for (size_t have = 0; have < n + rest;) {
		ssize_t got = recv(fd, reply + have, n + rest - have, 0);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			errx(1, "the proxy closed during the SOCKS dialogue");
		if (got < 0)
			peer_wait(fd, POLLIN);
		have += got > 0 ? (size_t)got : 0;
	}
	if (memcmp(reply, bytes, n) != 0)
		errx(1, "the proxy refused: SOCKS reply %u %u", reply[0], reply[1]);
}

int far_connect(const struct peer_options *o)
{
	const uint8_t request[] = { 5, 1, 0, 1, 127, 0, 0, 1, 0, 9 };
	int fd = sock_connect(o->port, 0);

	send_all(fd, "\5\1\0", 3);
	want(fd, (const uint8_t[]){ 5, 0 }, 2, 0);
	send_all(fd, request, sizeof(request));
	return fd;
}

void far_established(int fd)
{
	want(fd, (const uint8_t[]){ 5, 0, 0, 1 }, 4, 6);
}

int far_accept(int listener)
{
	peer_wait(listener, POLLIN);
	return sock_accept(listener);
}
