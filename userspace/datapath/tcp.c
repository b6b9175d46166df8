// SPDX-License-Identifier: GPL-2.0-or-later
// A TCP socket as an endpoint: its life, and what is written to it.
#include "datapath/tcp_impl.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#define QUEUE_HIGH  (64 * 1024) /* beyond it a peer that asks is told to wait */
#define STUCK_MS    30000	/* finishing: no byte of the rest was taken for so long */
#define FAREWELL_MS 3000	/* finishing: how long the other side may take to close as well */

static void release(struct deferred *d)
{
	free(container_of(d, struct tcp, dead));
}

void tcp_close(struct tcp *t)
{
	if (t->closed)
		return;
	t->closed = true;
	list_remove(&t->in_all);
	loop_close(t->sh->loop, &t->watch);
	loop_disarm(t->sh->loop, &t->linger);
	loop_unpost(t->sh->loop, &t->pump);
	buf_done(&t->out, t->sh->pool);
	buf_done(&t->early, t->sh->pool);
	endpoint_unjoin(&t->e);
	atomic_fetch_sub_explicit(t->sh->busy, 1, memory_order_relaxed);
	if (t->place)
		atomic_fetch_sub_explicit(t->place, 1, memory_order_relaxed);
	loop_defer(t->sh->loop, &t->dead, release);
}

void tcp_close_hard(struct tcp *t)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	if (t->closed)
		return;
	setsockopt(t->watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	tcp_close(t);
}

static void post_pump(struct tcp *t)
{
	if (!t->closed)
		loop_post(t->sh->loop, &t->pump, tcp_pump);
}

void tcp_fail(struct tcp *t)
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
void tcp_close_if_done(struct tcp *t)
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
	if (!t->source_ended) /* else close() sends the same FIN */
		shutdown(t->watch.fd, SHUT_WR);
	if (t->finishing)
		loop_arm(t->sh->loop, &t->linger, FAREWELL_MS, give_up);
	tcp_close_if_done(t);
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

/* Something may have been queued. Most sockets are never full, and told of nothing but reading. */
static void note_queue(struct tcp *t)
{
	t->e.queued = t->out.len;
	if (t->out.len == 0 || t->asks_room)
		return;
	t->asks_room = true;
	if (loop_rewatch(t->sh->loop, &t->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0)
		tcp_fail(t);
}

static void tcp_write(struct endpoint *e, struct iovec *iov, int n, enum endpoint_room room)
{
	struct tcp *t = container_of(e, struct tcp, e);
	ssize_t sent = 0;

	(void)room;
	if (t->closed || t->broken || t->sink_ended)
		return;
	if (t->out.len == 0)
		sent = send_pieces(t, iov, n);
	if (sent < 0) {
		tcp_reset(t);
		return;
	}
	for (int i = 0; i < n; i++) {
		size_t skip = (size_t)sent < iov[i].iov_len ? (size_t)sent : iov[i].iov_len;

		sent -= (ssize_t)skip;
		if (buf_append(&t->out, t->sh->pool, (char *)iov[i].iov_base + skip,
			       iov[i].iov_len - skip) < 0) {
			tcp_fail(t);
			return;
		}
	}
	note_queue(t);
}

static bool tcp_takes_pipe(struct endpoint *e)
{
	const struct tcp *t = container_of(e, struct tcp, e);

	return t->out.len == 0 && !t->closed && !t->broken && !t->sink_ended;
}

/* What the socket does not take is queued, so that the pipe is free for others. */
static void tcp_write_pipe(struct endpoint *e, struct relay_pipe *p, size_t n)
{
	struct tcp *t = container_of(e, struct tcp, e);
	ssize_t sent = relay_pipe_send(p, t->watch.fd, n);
	size_t left = n - (sent > 0 ? (size_t)sent : 0);

	if (sent < 0) {
		relay_pipe_drop(p, left);
		tcp_reset(t);
		return;
	}
	if (left > 0 && (relay_pipe_read(p, t->sh->read, left) < 0 ||
			 buf_append(&t->out, t->sh->pool, t->sh->read, left) < 0))
		tcp_fail(t);
	note_queue(t);
}

static int tcp_socket(struct endpoint *e)
{
	return container_of(e, struct tcp, e)->watch.fd;
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
			tcp_reset(t);
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
		tcp_fail(t);
	if (!t->closed && t->readable)
		tcp_pump(&t->pump);
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
	post_pump(t); /* what the other side still sends is read and dropped: no RST from us */
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

void tcp_read_now(struct endpoint *e)
{
	struct tcp *t = container_of(e, struct tcp, e);

	t->readable = true;
	post_pump(t);
}

static const struct endpoint_ops tcp_ops = {
	.write = tcp_write,
	.has_room = tcp_has_room,
	.eof = tcp_eof,
	.finish = tcp_finish,
	.abort = tcp_abort,
	.resume = tcp_resume,
	.takes_pipe = tcp_takes_pipe,
	.socket = tcp_socket,
	.write_pipe = tcp_write_pipe,
};

void relay_shared_done(struct relay_shared *sh)
{
	while (sh->read && !list_empty(&sh->all))
		tcp_tell_broken(container_of(sh->all.next, struct tcp, in_all));
	relay_pipe_close(&sh->pipe);
	free(sh->read);
	sh->read = NULL;
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
	if (loop_watch(sh->loop, &t->watch, EPOLLIN | EPOLLRDHUP) < 0) {
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
