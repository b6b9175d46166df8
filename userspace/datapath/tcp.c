// SPDX-License-Identifier: GPL-2.0-or-later
// The copy engine over one TCP socket.
#include "datapath/tcp.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fd.h"

#define QUEUE_HIGH   (64 * 1024) /* beyond it a peer that asks is told to wait */
#define READS_A_TURN 4
#define STUCK_MS     30000 /* finishing: no byte of the rest was taken for so long */
#define FAREWELL_MS  3000  /* finishing: how long the other side may take to close as well */

struct tcp {
	struct endpoint e;
	struct relay_shared *sh;
	struct list in_all;
	struct watcher watch;
	struct task pump;
	struct timer linger;
	struct deferred dead;
	struct buf out;	  /* written to us, not taken by the socket yet */
	struct buf early; /* read before we were made */
	_Atomic uint32_t *place;
	bool readable;
	bool hup;	  /* the source's end is in sight: read on until it comes */
	bool source_ended;
	bool sink_ended;  /* nothing more will be written to us */
	bool shut;	  /* FIN is sent */
	bool finishing;	  /* the peer is gone; deliver and close */
	bool broken;	  /* the socket failed; pump() tells the peer */
	bool closed;
};

static void release(struct deferred *d)
{
	free(container_of(d, struct tcp, dead));
}

static void tcp_close(struct tcp *t)
{
	if (t->closed)
		return;
	t->closed = true;
	list_remove(&t->in_all);
	loop_forget(t->sh->loop, &t->watch);
	loop_disarm(t->sh->loop, &t->linger);
	loop_unpost(t->sh->loop, &t->pump);
	fd_close(t->watch.fd);
	buf_done(&t->out, t->sh->pool);
	buf_done(&t->early, t->sh->pool);
	endpoint_unjoin(&t->e);
	atomic_fetch_sub_explicit(t->sh->busy, 1, memory_order_relaxed);
	if (t->place)
		atomic_fetch_sub_explicit(t->place, 1, memory_order_relaxed);
	loop_defer(t->sh->loop, &t->dead, release);
}

static void tcp_close_hard(struct tcp *t)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	if (t->closed)
		return;
	setsockopt(t->watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	tcp_close(t);
}

static void pump(struct task *task);

static void post_pump(struct tcp *t)
{
	if (!t->closed)
		loop_post(t->sh->loop, &t->pump, pump);
}

/* Failures are told by the next turn's pump(): the peer may be in the middle of a write to us. */
static void fail(struct tcp *t)
{
	t->broken = true;
	post_pump(t);
}

static void give_up(struct timer *timer)
{
	struct tcp *t = container_of(timer, struct tcp, linger);

	if (t->out.len > 0)
		tcp_close_hard(t);
	else
		tcp_close(t);
}

/* Both directions are over: nothing keeps the socket. */
static void close_if_done(struct tcp *t)
{
	struct endpoint *peer = t->e.peer;

	if (t->closed || !t->shut || !t->source_ended)
		return;
	endpoint_unjoin(&t->e);
	tcp_close(t);
	if (peer)
		peer->ops->finish(peer);
}

static void shut_if_drained(struct tcp *t)
{
	if (!t->sink_ended || t->shut || t->out.len > 0 || t->closed)
		return;
	t->shut = true;
	shutdown(t->watch.fd, SHUT_WR);
	if (t->finishing)
		loop_arm(t->sh->loop, &t->linger, FAREWELL_MS, give_up);
	close_if_done(t);
}

static ssize_t send_pieces(struct tcp *t, struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	ssize_t sent;

	do {
		sent = sendmsg(t->watch.fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return sent;
}

static void tcp_write(struct endpoint *e, struct iovec *iov, int n, bool headroom)
{
	struct tcp *t = container_of(e, struct tcp, e);
	ssize_t sent = 0;

	(void)headroom;
	if (t->closed || t->broken || t->sink_ended)
		return;
	if (t->out.len == 0)
		sent = send_pieces(t, iov, n);
	if (sent < 0) {
		fail(t);
		return;
	}
	for (int i = 0; i < n; i++) {
		size_t skip = (size_t)sent < iov[i].iov_len ? (size_t)sent : iov[i].iov_len;

		sent -= (ssize_t)skip;
		if (buf_append(&t->out, t->sh->pool, (char *)iov[i].iov_base + skip,
			       iov[i].iov_len - skip) < 0) {
			fail(t);
			return;
		}
	}
	e->queued = t->out.len;
}

static bool tcp_has_room(struct endpoint *e)
{
	return e->queued < QUEUE_HIGH;
}

static void flush(struct tcp *t)
{
	struct iovec iov[ENDPOINT_PIECES];
	size_t before = t->out.len;

	while (t->out.len > 0) {
		ssize_t sent = send_pieces(t, iov, buf_peek(&t->out, iov, ENDPOINT_PIECES));

		if (sent < 0) {
			fail(t);
			return;
		}
		if (sent == 0)
			break;
		buf_consume(&t->out, t->sh->pool, (size_t)sent);
	}
	t->e.queued = t->out.len;
	if (t->out.len == before)
		return;
	if (t->finishing && t->out.len > 0)
		loop_arm(t->sh->loop, &t->linger, STUCK_MS, give_up);
	if (t->e.peer)
		t->e.peer->ops->resume(t->e.peer);
	shut_if_drained(t);
}

/* Lays a read out in slots with headroom, so that frames can be made in place. */
static int lay_out(struct tcp *t, struct iovec iov[RELAY_SLOTS])
{
	uint8_t *p = t->sh->slots;

	for (int i = 0; i < RELAY_SLOTS; i++, p += ENDPOINT_PIECE_MAX) {
		p += ENDPOINT_HEADROOM;
		iov[i] = (struct iovec){ p, ENDPOINT_PIECE_MAX };
	}
	return RELAY_SLOTS;
}

static void source_end(struct tcp *t)
{
	struct endpoint *peer = t->e.peer;

	t->source_ended = true;
	t->readable = false;
	if (peer && !t->finishing)
		peer->ops->eof(peer);
	close_if_done(t);
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

/* One read, passed on; false when there is nothing (more) to read for now. */
static bool read_once(struct tcp *t)
{
	struct iovec iov[RELAY_SLOTS];
	struct msghdr msg = { .msg_iov = iov };
	ssize_t got;

	msg.msg_iovlen = (size_t)lay_out(t, iov);
	do {
		got = recvmsg(t->watch.fd, &msg, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		t->readable = false;
		return false;
	}
	if (got <= 0) {
		if (got < 0)
			fail(t);
		else
			source_end(t);
		return false;
	}
	/* a short read emptied the socket; whatever comes later makes a new edge */
	if ((size_t)got < RELAY_SLOTS * (size_t)ENDPOINT_PIECE_MAX && !t->hup)
		t->readable = false;
	if (!t->finishing)
		t->e.peer->ops->write(t->e.peer, iov, trim(iov, (size_t)got), true);
	return t->readable && !t->closed;
}

static void pass_early(struct tcp *t)
{
	struct iovec iov[ENDPOINT_PIECES];
	size_t total = 0;
	int n = buf_peek(&t->early, iov, ENDPOINT_PIECES);

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	t->e.peer->ops->write(t->e.peer, iov, n, false);
	if (!t->closed)
		buf_consume(&t->early, t->sh->pool, total);
}

static bool may_read(struct tcp *t)
{
	if (t->closed || t->broken || t->source_ended)
		return false;
	return t->finishing || (t->e.peer && t->e.peer->ops->has_room(t->e.peer));
}

static void tell_broken(struct tcp *t)
{
	struct endpoint *peer = t->e.peer;

	endpoint_unjoin(&t->e);
	tcp_close_hard(t);
	if (peer)
		peer->ops->abort(peer);
}

static void pump(struct task *task)
{
	struct tcp *t = container_of(task, struct tcp, pump);

	if (t->broken) {
		tell_broken(t);
		return;
	}
	while (t->early.len > 0 && !t->finishing && may_read(t))
		pass_early(t);
	if (t->early.len > 0 && !t->finishing)
		return;
	for (int i = 0; i < READS_A_TURN; i++)
		if (!t->readable || !may_read(t) || !read_once(t))
			return;
	post_pump(t);
}

static void ready(struct watcher *w, uint32_t events)
{
	struct tcp *t = container_of(w, struct tcp, watch);

	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		t->hup = true;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		t->readable = true;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		flush(t);
	/* nobody reads any more: the socket's death would go unseen until somebody writes */
	if (t->source_ended && (events & (EPOLLERR | EPOLLHUP)))
		fail(t);
	if (!t->closed && t->readable)
		pump(&t->pump);
}

static void tcp_eof(struct endpoint *e)
{
	struct tcp *t = container_of(e, struct tcp, e);

	t->sink_ended = true;
	shut_if_drained(t);
}

static void tcp_finish(struct endpoint *e)
{
	struct tcp *t = container_of(e, struct tcp, e);

	endpoint_unjoin(e);
	if (t->closed || t->finishing)
		return;
	t->finishing = true;
	t->sink_ended = true;
	loop_arm(t->sh->loop, &t->linger, t->shut ? FAREWELL_MS : STUCK_MS, give_up);
	shut_if_drained(t);
	post_pump(t);	/* what the other side still sends is read and dropped: no RST from us */
}

static void tcp_abort(struct endpoint *e)
{
	struct tcp *t = container_of(e, struct tcp, e);

	endpoint_unjoin(e);
	tcp_close_hard(t);
}

static void tcp_resume(struct endpoint *e)
{
	struct tcp *t = container_of(e, struct tcp, e);

	if (t->readable || t->early.len > 0)
		post_pump(t);
}

static const struct endpoint_ops tcp_ops = {
	.write = tcp_write,
	.has_room = tcp_has_room,
	.eof = tcp_eof,
	.finish = tcp_finish,
	.abort = tcp_abort,
	.resume = tcp_resume,
};

void relay_shared_done(struct relay_shared *sh)
{
	while (sh->slots && !list_empty(&sh->all))
		tell_broken(container_of(sh->all.next, struct tcp, in_all));
	free(sh->slots);
	sh->slots = NULL;
}

struct endpoint *tcp_endpoint_new(struct relay_shared *sh, int fd, struct buf *early,
				  _Atomic uint32_t *place)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->e.ops = &tcp_ops;
	t->sh = sh;
	t->watch = (struct watcher){ .fd = fd, .ready = ready };
	if (loop_watch(sh->loop, &t->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0) {
		free(t);
		return NULL;
	}
	t->place = place;
	list_push_back(&sh->all, &t->in_all);
	atomic_fetch_add_explicit(sh->busy, 1, memory_order_relaxed);
	t->early = *early;
	*early = (struct buf){ 0 };
	return &t->e;
}
