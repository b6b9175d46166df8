// SPDX-License-Identifier: GPL-2.0-or-later
// What is read from a TCP endpoint's socket: large reads, laid out so that frames are made in
// place.
#include "datapath/tcp_impl.h"

#include <errno.h>
#include <sys/socket.h>

#define READS_A_TURN 4

static void source_end(struct tcp *t)
{
	struct endpoint *peer = t->e.peer;

	t->source_ended = true;
	t->readable = false;
	if (peer && !t->finishing)
		peer->ops->eof(peer);
	tcp_close_if_done(t);
}

/* Cuts the list to what was read; returns the number of pieces. */
static int trim(struct iovec *iov, size_t got)
{
	int n = 0;

	for (; got > 0; n++) {
		if (iov[n].iov_len > got)
			iov[n].iov_len = got;
		got -= iov[n].iov_len;
	}
	return n;
}

void tcp_reset(struct tcp *t)
{
	if (!t->broken)
		t->readable = t->hup = true; /* nothing more comes: so this has an end */
	tcp_fail(t);
}

/* What a read said that gave no bytes: nothing for now, the end, or an error. */
static void no_bytes(struct tcp *t, ssize_t got)
{
	if (t->broken || (got < 0 && got != -EAGAIN)) {
		t->readable = false;
		tcp_fail(t);
	} else if (got == -EAGAIN) {
		t->readable = false;
	} else {
		source_end(t);
	}
}

/* Large pieces past our memory; a small one shows that the bulk is over. */
static void pipe_once(struct tcp *t)
{
	struct relay_pipe *p = &t->sh->pipe;
	struct endpoint *peer = t->e.peer;
	ssize_t got = relay_pipe_fill(p, t->watch.fd, ENDPOINT_PIPE_MAX);
	struct iovec iov[RELAY_PIECES];

	t->bulk = got >= PIPE_WORTH;
	if (got <= 0) {
		no_bytes(t, got);
	} else if (t->bulk) {
		peer->ops->write_pipe(peer, p, (size_t)got);
	} else {
		relay_lay_out(t->sh, iov);
		iov[0].iov_len = (size_t)got;
		if (relay_pipe_read(p, iov[0].iov_base, (size_t)got) < 0)
			tcp_fail(t);
		else
			peer->ops->write(peer, iov, 1, ENDPOINT_RECORDS);
	}
}

static void copy_once(struct tcp *t)
{
	struct iovec iov[RELAY_PIECES];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = RELAY_PIECES };
	ssize_t got;

	relay_lay_out(t->sh, iov);
	do {
		got = recvmsg(t->watch.fd, &msg, 0);
	} while (got < 0 && errno == EINTR);
	if (got <= 0) {
		no_bytes(t, got < 0 ? -errno : 0);
		return;
	}
	/* a short read emptied the socket; whatever comes later makes a new edge */
	if (got < RELAY_READ_MAX && !t->hup)
		t->readable = false;
	t->bulk = got >= PIPE_WORTH;
	if (!t->finishing)
		t->e.peer->ops->write(t->e.peer, iov, trim(iov, (size_t)got), ENDPOINT_RECORDS);
}

/* One read, passed on; false when there is nothing (more) to read for now. */
static bool read_once(struct tcp *t)
{
	if (t->bulk && !t->finishing && endpoint_pipes_now(&t->e) &&
	    relay_pipe_open(&t->sh->pipe, PIPE_WIDE))
		pipe_once(t);
	else
		copy_once(t);
	return t->readable && !t->closed;
}

static bool may_read(struct tcp *t)
{
	if (t->closed || t->source_ended)
		return false;
	return t->finishing || (t->e.peer && t->e.peer->ops->has_room(t->e.peer));
}

/* Whether the peer is to get something that came before the socket failed. */
static bool has_last_words(const struct tcp *t)
{
	return t->e.peer && !t->finishing && !t->source_ended && t->readable;
}

void tcp_tell_broken(struct tcp *t)
{
	struct endpoint *peer = t->e.peer;

	endpoint_unjoin(&t->e);
	tcp_close_hard(t);
	if (peer)
		peer->ops->abort(peer);
}

/* Whoever waits for the queue of a broken socket waits for nothing, and may have to move on before
 * the last words can. */
static void drop_queue(struct tcp *t)
{
	buf_done(&t->out, t->sh->pool);
	t->e.queued = 0;
	if (t->e.peer)
		t->e.peer->ops->resume(t->e.peer);
}

void tcp_pump(struct task *task)
{
	struct tcp *t = container_of(task, struct tcp, pump);

	if (t->broken && t->out.len > 0)
		drop_queue(t);
	if (t->broken && !has_last_words(t)) {
		tcp_tell_broken(t);
		return;
	}
	if (t->early.len > 0 && !t->finishing && may_read(t))
		endpoint_pour(&t->e, &t->early, t->sh->pool); /* some KiB: less than a read */
	if (t->early.len > 0 && !t->finishing)
		return;
	for (int i = 0; i < READS_A_TURN; i++)
		if (!t->readable || !may_read(t) || !read_once(t))
			return;
	loop_post(t->sh->loop, &t->pump, tcp_pump);
}
