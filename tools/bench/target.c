// SPDX-License-Identifier: GPL-2.0-or-later
// The source, sink and echo that the streams of a measurement lead to.
#include "bench/target.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/place.h"
#include "bench/sock.h"

struct stream {
	int fd;
	uint64_t in, out;
};

struct server {
	enum target_kind kind;
	uint64_t bytes;
	int epoll, listener;
	struct target_stats *stats;
};

static unsigned char chunk[SOCK_CHUNK];

static void stream_end(struct server *s, struct stream *st, bool whole)
{
	if (!whole)
		s->stats->broken++;
	s->stats->open--;
	close(st->fd);
	free(st);
}

static ssize_t stream_send(struct server *s, struct stream *st, size_t len)
{
	ssize_t n = send(st->fd, chunk, len, MSG_NOSIGNAL);

	if (n > 0) {
		st->out += (uint64_t)n;
		s->stats->out += (uint64_t)n;
	}
	return n;
}

/* Whether the stream was moved as far as it should be when the other side ends it. */
static bool stream_whole(const struct server *s, const struct stream *st)
{
	if (s->kind == TARGET_SOURCE)
		return st->out == s->bytes;
	return s->kind == TARGET_ECHO || st->in == s->bytes;
}

static void on_readable(struct server *s, struct stream *st)
{
	ssize_t n = recv(st->fd, chunk, sizeof(chunk), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		stream_end(s, st, !n && stream_whole(s, st));
		return;
	}
	st->in += (uint64_t)n;
	s->stats->in += (uint64_t)n;
	if (s->kind == TARGET_ECHO)
		stream_send(s, st, (size_t)n);
	else if (st->in > s->bytes)
		stream_end(s, st, false);
	else if (s->kind == TARGET_SINK && st->in == s->bytes)
		stream_send(s, st, 1);
}

static void on_writable(struct server *s, struct stream *st)
{
	uint64_t left = s->bytes - st->out;
	ssize_t n = stream_send(s, st, left < sizeof(chunk) ? (size_t)left : sizeof(chunk));

	if (n < 0 && errno != EAGAIN)
		stream_end(s, st, false);
	else if (st->out == s->bytes)
		sock_rewatch(s->epoll, st->fd, EPOLLIN, st);
}

static void on_accept(struct server *s)
{
	int fd;

	while ((fd = sock_accept(s->listener)) >= 0) {
		struct stream *st = calloc(1, sizeof(*st));

		if (!st)
			err(1, "calloc");
		st->fd = fd;
		s->stats->accepted++;
		s->stats->open++;
		sock_watch(s->epoll, fd, s->kind == TARGET_SOURCE ? EPOLLOUT : EPOLLIN, st);
	}
}

static void serve(struct server *s)
{
	struct epoll_event events[256];

	for (;;) {
		int n = epoll_wait(s->epoll, events, 256, -1);

		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				on_accept(s);
			else if (events[i].events & EPOLLOUT)
				on_writable(s, events[i].data.ptr);
			else
				on_readable(s, events[i].data.ptr);
		}
	}
}

static int listen_in(const char *netns, uint16_t port)
{
	return netns ? place_bind(netns, SOCK_STREAM, SOCK_NONBLOCK, port) : sock_listen(port);
}

void target_start(struct target *t, enum target_kind kind, const char *netns, uint16_t port,
		  uint64_t bytes)
{
	struct server s = { .kind = kind, .bytes = bytes, .listener = listen_in(netns, port) };
	pid_t parent = getpid();

	t->stats = mmap(NULL, sizeof(*t->stats), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (t->stats == MAP_FAILED)
		err(1, "mmap");
	t->pid = fork();
	if (t->pid < 0)
		err(1, "fork");
	if (t->pid) {
		close(s.listener);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	s.stats = t->stats;
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	sock_watch(s.epoll, s.listener, EPOLLIN, NULL);
	serve(&s);
}

uint64_t target_cpu_ns(const struct target *t)
{
	return sock_cpu_ns(t->pid);
}

int target_stop(struct target *t)
{
	uint64_t limit = sock_now_ns() + 10000000000u;
	int rc = 0;

	while (t->stats->open && sock_now_ns() < limit)
		usleep(500);
	if (t->stats->open)
		rc = -ETIMEDOUT;
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
	return rc;
}
