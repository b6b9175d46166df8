// SPDX-License-Identifier: GPL-2.0-or-later
// Binding a port, and accepting on it without ever spinning.
#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "io/original.h"
#include "io/sockopt.h"

#define BACKLOG	     4096
#define ACCEPT_BATCH 64
#define PAUSE_MS     100

struct listener {
	struct watcher w;
	struct timer resume;
	struct deferred dead;
	struct loop *loop;
	struct listener_sink *sink;
	uint64_t turn; /* of the loop, when there was something last */
	bool closed;
};

static int set_up(int fd, int family, const struct listener_opts *opts, bool share)
{
	int err = sockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (err == 0 && share)
		err = sockopt_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (err == 0 && family == AF_INET6)
		err = sockopt_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (err == 0 && opts->transparent)
		err = original_transparent(fd, family);
	if (err == 0 && opts->mark)
		err = sockopt_int(fd, SOL_SOCKET, SO_MARK, (int)opts->mark);
	return err;
}

static int open_bound(const union sockaddr_any *addr, const struct listener_opts *opts, bool share,
		      int *ret_fd)
{
	int family = addr->sa.sa_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : set_up(fd, family, opts, share);

	if (err == 0 && bind(fd, &addr->sa, sockaddr_len(addr)) < 0)
		err = -errno;
	if (err == 0)
		*ret_fd = fd_take(&fd);
	fd_close(fd);
	return err;
}

/* A socket that does not share the port cannot be bound next to one that listens, shared or not. */
static int probe(const union sockaddr_any *addr, const struct listener_opts *opts)
{
	int fd = -1;
	int err = open_bound(addr, opts, false, &fd);

	fd_close(fd);
	return err;
}

static int bind_and_listen(const union sockaddr_any *addr, const struct listener_opts *opts,
			   int *ret_fd)
{
	int fd = -1;
	int err = opts->exclusive && sockaddr_port(addr) ? probe(addr, opts) : 0;

	if (err < 0)
		return err;
	err = open_bound(addr, opts, true, &fd);
	if (err < 0)
		return err;
	if (listen(fd, BACKLOG) < 0) {
		err = -errno;
		goto out;
	}
	*ret_fd = fd_take(&fd);
out:
	fd_close(fd);
	return err;
}

int listener_bind(const union sockaddr_any *addr, const struct listener_opts *opts, int *ret_fd)
{
	int err = bind_and_listen(addr, opts, ret_fd);
	union sockaddr_any v4;

	if ((err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL) && sockaddr_in_ipv4(addr, &v4))
		err = bind_and_listen(&v4, opts, ret_fd);
	return err;
}

static void resumed(struct timer *t)
{
	struct listener *ln = container_of(t, struct listener, resume);

	loop_rewatch_level(ln->loop, &ln->w, EPOLLIN);
}

/* The connection stays in the backlog; trying again at once would find the same shortage. */
static void pause_accepting(struct listener *ln, int err)
{
	log_debug("listener", "accept: %s; pausing for %d ms", strerror(err), PAUSE_MS);
	if (loop_arm(ln->loop, &ln->resume, PAUSE_MS, resumed) == 0)
		loop_rewatch_level(ln->loop, &ln->w, 0);
}

static bool is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

/* False when there is nothing more to accept in this turn. */
static bool accept_one(struct listener *ln)
{
	union sockaddr_any peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = accept4(ln->w.fd, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		sockaddr_unmap(&peer);
		ln->sink->accepted(ln->sink, fd, &peer);
		return !ln->closed;
	}
	if (is_shortage(errno))
		pause_accepting(ln, errno);
	/* the rest is the fault of one connection that is gone already */
	return !is_shortage(errno) && errno != EAGAIN && errno != EBADF && errno != EINVAL;
}

static void readable(struct watcher *w, uint32_t events)
{
	struct listener *ln = container_of(w, struct listener, w);
	uint64_t turn = loop_turns(ln->loop);
	/* to be told that there is no second one costs the kernel nearly as much as a first one */
	int most = turn == ln->turn + 1 ? ACCEPT_BATCH : 1;

	(void)events;
	ln->turn = turn;
	for (int i = 0; i < most; i++)
		if (!accept_one(ln))
			return;
}

struct listener *listener_start(struct loop *l, int fd, struct listener_sink *sink)
{
	struct listener *ln = calloc(1, sizeof(*ln));
	int flags = fcntl(fd, F_GETFL);

	if (!ln)
		return NULL;
	ln->w.fd = fd;
	ln->w.ready = readable;
	ln->loop = l;
	ln->sink = sink;
	/* accepted sockets inherit TCP_NODELAY */
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    sockopt_int(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0 ||
	    loop_watch_level(l, &ln->w, EPOLLIN) < 0) {
		free(ln);
		return NULL;
	}
	return ln;
}

static void release(struct deferred *d)
{
	free(container_of(d, struct listener, dead));
}

void listener_free(struct listener *ln)
{
	if (!ln)
		return;
	ln->closed = true;
	loop_forget(ln->loop, &ln->w);
	loop_disarm(ln->loop, &ln->resume);
	fd_close(ln->w.fd);
	loop_defer(ln->loop, &ln->dead, release);
}
