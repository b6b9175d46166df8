// SPDX-License-Identifier: GPL-2.0-or-later
// Tries the demux on sockets of this process, since kernels differ in what breaks it.
#include "datapath/demux_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/fd.h"
#include "datapath/loopback.h"

#define SESSION	   1
#define STREAM	   1
#define DATA	   16000 /* bytes of a frame, which fits a push */
#define TAIL	   5	 /* bytes of a frame that is no stream's */
#define FRAME	   (DEMUX_HDR_LEN + DATA)
#define ROOM	   65536 /* of the socket, until it is full */
#define PUSHES_MAX 1024	 /* until it is */
#define SOON_MS	   100	 /* a tail that waits for more does so for 200 ms */

struct trial {
	struct demux *d;
	int pipe[2];
	int sink[2]; /* the stream's socket, and where its payload comes out */
	unsigned slot;
	struct demux_pos pos;
	uint32_t sent, got; /* payload so far */
	char *why;
	size_t why_len;
	uint8_t buf[2 * FRAME + TAIL + DEMUX_HDR_LEN];
};

static int fail(struct trial *t, const char *what)
{
	snprintf(t->why, t->why_len, "this kernel fails the demux's trial: %s", what);
	return -EOPNOTSUPP;
}

static uint8_t payload(uint32_t at)
{
	return (uint8_t)(at * 131 + at / 251);
}

static size_t put_header(uint8_t *p, uint8_t cmd, uint16_t len)
{
	p[0] = cmd;
	put_be32(p + 1, STREAM);
	put_be16(p + 5, len);
	return DEMUX_HDR_LEN;
}

static size_t put_frame(struct trial *t, uint8_t *p)
{
	put_header(p, DEMUX_PSH, DATA);
	for (uint32_t i = 0; i < DATA; i++)
		p[DEMUX_HDR_LEN + i] = payload(t->sent++);
	return FRAME;
}

/* Pushes n bytes of buf. */
static int push(struct trial *t, size_t n, struct demux_pushed *ret)
{
	int err;

	if (write(t->pipe[1], t->buf, n) != (ssize_t)n)
		return fail(t, "a pipe takes less than it has room for");
	err = demux_push(t->d, SESSION, &t->pos, t->pipe[0], n, ret);
	return err ? fail(t, "bytes are lost") : 0;
}

/* Takes what comes out next, until nothing does or all was seen that was sent. */
static int drain(struct trial *t, uint32_t until)
{
	struct pollfd p = { .fd = t->sink[1], .events = POLLIN };

	while (t->got < until) {
		ssize_t n;

		if (poll(&p, 1, SOON_MS) <= 0)
			return fail(t, "the end of a frame waits for more");
		n = recv(t->sink[1], t->buf, sizeof(t->buf), 0);
		if (n <= 0)
			return fail(t, "a stream broke");
		for (ssize_t i = 0; i < n; i++)
			if (t->buf[i] != payload(t->got++))
				return fail(t, "a stream has other bytes than were sent");
	}
	return t->got == until ? 0 : fail(t, "a stream has more bytes than were sent");
}

/* Two frames for a stream and one that is for nobody, in one push. */
static int try_frames(struct trial *t)
{
	uint8_t rest[sizeof(t->buf)];
	struct demux_pushed got;
	size_t n = put_frame(t, t->buf);
	int err;

	n += put_frame(t, t->buf + n);
	n += put_header(t->buf + n, 0, TAIL) + TAIL;
	err = push(t, n, &got);
	if (err)
		return err;
	if (got.taken == 0)
		return fail(t, "a splice hands it no more than a page at a time");
	if (got.taken != 2 * FRAME || t->pos.hdr_have != 0)
		return fail(t, "it stops at the wrong place");
	if (read(t->pipe[0], rest, sizeof(rest)) != DEMUX_HDR_LEN + TAIL ||
	    memcmp(rest, t->buf + got.taken, DEMUX_HDR_LEN + TAIL) != 0)
		return fail(t, "what it stops at is not left in the pipe");
	return drain(t, t->sent);
}

/* What was left in the pipe when the socket was full is the frame's end, and goes in then. */
static int try_rest(struct trial *t, size_t left)
{
	struct demux_pushed got;
	int err;

	if (t->pos.left != left || left >= FRAME)
		return fail(t, "it loses its place when a socket is full");
	err = drain(t, t->sent - (uint32_t)left);
	if (err)
		return err;
	err = demux_push(t->d, SESSION, &t->pos, t->pipe[0], left, &got);
	if (err || got.taken != left)
		return fail(t, "it does not go on when a socket was full");
	return drain(t, t->sent);
}

static int try_full(struct trial *t)
{
	for (int i = 0; i < PUSHES_MAX; i++) {
		struct demux_pushed got;
		int err = push(t, put_frame(t, t->buf), &got);

		if (err)
			return err;
		if (got.taken < FRAME)
			return try_rest(t, FRAME - got.taken);
	}
	return fail(t, "a socket is never full");
}

static int set_up(struct trial *t)
{
	int err;

	if (pipe2(t->pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		return -errno;
	err = loopback_pair(t->sink, ROOM);
	return err ? err : demux_add(t->d, SESSION, STREAM, t->sink[0], &t->slot);
}

static void tear_down(struct trial *t)
{
	if (t->slot != DEMUX_END)
		demux_remove(t->d, t->slot);
	for (int i = 0; i < 2; i++) {
		fd_close(t->pipe[i]);
		fd_close(t->sink[i]);
	}
	free(t);
}

static int try_once(struct demux *d, char *why, size_t why_len)
{
	struct trial *t = calloc(1, sizeof(*t));
	int err;

	if (!t) {
		snprintf(why, why_len, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	*t = (struct trial){ .d = d, .pipe = { -1, -1 }, .sink = { -1, -1 } };
	t->why = why;
	t->why_len = why_len;
	err = set_up(t);
	if (err) {
		snprintf(why, why_len, "the demux's trial: %s", strerror(-err));
	} else {
		err = try_frames(t);
		if (!err)
			err = try_full(t);
	}
	tear_down(t);
	return err;
}

/* What a busy machine makes late is no fault of the kernel's: who fails once has a second go. */
int demux_try(struct demux *d, char *why, size_t why_len)
{
	int err = try_once(d, why, why_len);

	return err ? try_once(d, why, why_len) : 0;
}
