// SPDX-License-Identifier: GPL-2.0-or-later
// Takes a few callers at a time, each for a few seconds, and gives their lines to the command
// table.
#include "app/command_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "app/state_region.h"
#include "base/fd.h"

#define CALLERS_MAX 4
#define CALLER_MS   5000
#define REPLY_MAX   300

struct command_socket {
	struct program *p;
	struct loop *loop;
	struct watcher watch;
	struct list callers;
};

struct caller {
	struct command_socket *s;
	struct list link;
	struct watcher watch;
	struct timer timer;
	struct deferred dead;
	char line[COMMAND_LINE_MAX];
	size_t have;
};

static void release(struct deferred *d)
{
	free(container_of(d, struct caller, dead));
}

static void hang_up(struct caller *c)
{
	struct loop *loop = c->s->loop;

	loop_disarm(loop, &c->timer);
	loop_forget(loop, &c->watch);
	fd_close(c->watch.fd);
	list_remove(&c->link);
	loop_defer(loop, &c->dead, release);
}

static void late(struct timer *t)
{
	hang_up(container_of(t, struct caller, timer));
}

/* Whether it was taken whole; a caller that does not read is none. */
static bool say(int fd, const char *text)
{
	char line[REPLY_MAX + 2];
	int n = snprintf(line, sizeof(line), "%.*s\n", REPLY_MAX, text);

	return send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n;
}

/* Answers every whole line that is there; false where the caller is to go. */
static bool answer(struct caller *c)
{
	char reply[REPLY_MAX], *end;

	while ((end = memchr(c->line, '\n', c->have))) {
		size_t used = (size_t)(end + 1 - c->line);

		*end = '\0';
		command_run(c->s->p, c->line, reply, sizeof(reply));
		if (!say(c->watch.fd, reply))
			return false;
		c->have -= used;
		memmove(c->line, c->line + used, c->have);
	}
	if (c->have < sizeof(c->line))
		return true;
	say(c->watch.fd, "error the line is too long");
	return false;
}

static void readable(struct watcher *w, uint32_t events)
{
	struct caller *c = container_of(w, struct caller, watch);
	ssize_t n;

	(void)events;
	n = recv(w->fd, c->line + c->have, sizeof(c->line) - c->have, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->have += (size_t)n;
		if (answer(c))
			return;
	}
	hang_up(c);
}

static bool may_call(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

static unsigned count_callers(const struct command_socket *s)
{
	unsigned n = 0;

	list_for_each (it, &s->callers)
		n++;
	return n;
}

static void take(struct command_socket *s, int fd)
{
	struct caller *c = NULL;

	if (!may_call(fd))
		say(fd, "error only root and the daemon's user may");
	else if (count_callers(s) >= CALLERS_MAX)
		say(fd, "error too many callers");
	else
		c = calloc(1, sizeof(*c));
	if (!c) {
		fd_close(fd);
		return;
	}
	c->s = s;
	c->watch = (struct watcher){ .fd = fd, .ready = readable };
	list_push_back(&s->callers, &c->link);
	if (loop_watch_level(s->loop, &c->watch, EPOLLIN) < 0 ||
	    loop_arm(s->loop, &c->timer, CALLER_MS, late) < 0)
		hang_up(c);
}

/* Edge-triggered: without descriptors it does not spin. */
static void called(struct watcher *w, uint32_t events)
{
	struct command_socket *s = container_of(w, struct command_socket, watch);
	int fd;

	(void)events;
	while ((fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		take(s, fd);
}

/* The folder's owner, who may be the user that the daemon becomes, has to be able to connect. */
static int give_to_owner(int dir)
{
	struct stat st;

	if (fstat(dir, &st) < 0 ||
	    fchownat(dir, COMMAND_SOCKET, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* By the folder's descriptor, since the path may be longer than such an address. */
static int listen_in(const struct state_dir *dir)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t old = umask(0177);
	int err = 0;

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" COMMAND_SOCKET, dir->fd);
	if (fd < 0 || bind(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)) < 0 ||
	    listen(fd, CALLERS_MAX) < 0)
		err = -errno;
	umask(old);
	if (!err && geteuid() == 0)
		err = give_to_owner(dir->fd);
	if (!err)
		return fd;
	fd_close(fd);
	return err;
}

struct command_socket *command_socket_open(struct program *p, struct loop *l)
{
	struct command_socket *s = p->state ? calloc(1, sizeof(*s)) : NULL;
	int err = -ENOMEM;

	if (!s)
		return NULL;
	s->p = p;
	s->loop = l;
	list_init(&s->callers);
	s->watch = (struct watcher){ .fd = listen_in(&p->state->dir), .ready = called };
	if (s->watch.fd >= 0)
		err = loop_watch(l, &s->watch, EPOLLIN);
	else
		err = s->watch.fd;
	if (!err)
		return s;
	log_warn("state", "no commands are taken: %s/" COMMAND_SOCKET ": %s", p->state->dir.path,
		 strerror(-err));
	command_socket_close(s);
	return NULL;
}

void command_socket_close(struct command_socket *s)
{
	if (!s)
		return;
	while (!list_empty(&s->callers))
		hang_up(container_of(s->callers.next, struct caller, link));
	loop_forget(s->loop, &s->watch);
	fd_close(s->watch.fd);
	free(s);
}
