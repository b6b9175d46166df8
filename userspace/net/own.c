// SPDX-License-Identifier: GPL-2.0-or-later
// Watches the machine's own addresses and interfaces: any word of a change has all read anew.
//
// Messages only say that there is something to read: so nothing depends on their order, or on none
// being lost, and a burst of them is one reading.
#include "net/own.h"

#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "net/own_impl.h"

#define UNREAD_MS    1000 /* until what could not be read is read again */
#define REFUSED_MS   5000 /* and what was not taken is told again */
#define MESSAGE_ROOM 32768

struct own {
	struct loop *loop;
	struct own_watch *to;
	struct nl_sock *sk;
	struct watcher watcher;
	struct task task;
	struct timer retry;
	struct prefix_list known;
	struct deferred deferred;
	bool addresses, links; /* are to be looked at */
	bool refused;	       /* the addresses were told, and not taken */
	bool stopped;
};

/* Only table "local"'s routes: on a router, those of others come by the thousand a second. */
static int filter_routes(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htobe16(RTM_NEWROUTE), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htobe16(RTM_DELROUTE), 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_table)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_TABLE_LOCAL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(*code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

static void note(struct own *o, int type)
{
	if (type == RTM_NEWLINK || type == RTM_DELLINK)
		o->links = true;
	else
		o->addresses = true;
}

static void note_all(struct own *o, const void *messages, size_t len)
{
	for (const struct nlmsghdr *h = messages; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len))
		note(o, h->nlmsg_type);
}

/* Takes all there is. Messages that were lost, or are too long, may be of any kind. */
static void drain(struct own *o)
{
	_Alignas(struct nlmsghdr) char room[MESSAGE_ROOM];
	ssize_t n;

	for (;;) {
		n = recv(o->watcher.fd, room, sizeof(room), MSG_DONTWAIT | MSG_TRUNC);
		if (n >= 0 && n <= (ssize_t)sizeof(room))
			note_all(o, room, (size_t)n);
		else if (n >= 0 || errno == ENOBUFS)
			o->addresses = o->links = true;
		else if (errno != EINTR)
			return;
	}
}

static void look(struct own *o);

static void try_again(struct timer *t)
{
	look(container_of(t, struct own, retry));
}

static void run(struct task *t)
{
	look(container_of(t, struct own, task));
}

/* Whether they could be read. */
static bool tell_addresses(struct own *o)
{
	struct prefix_list own;

	if (own_read(&own) < 0)
		return false;
	if (!o->refused && prefix_list_equal(&own, &o->known)) {
		prefix_list_done(&own);
		o->addresses = false;
		return true;
	}
	prefix_list_done(&o->known);
	o->known = own;
	o->addresses = o->refused = !o->to->addresses(o->to, &o->known);
	return true;
}

static void look(struct own *o)
{
	bool read = !o->addresses || tell_addresses(o);

	if (o->links && !o->stopped)
		o->links = !o->to->links(o->to);
	if ((o->addresses || o->links) && !o->stopped)
		loop_arm(o->loop, &o->retry, read ? REFUSED_MS : UNREAD_MS, try_again);
}

/* What comes before the task runs is read with it. */
static void ready(struct watcher *w, uint32_t events)
{
	struct own *o = container_of(w, struct own, watcher);

	(void)events;
	drain(o);
	loop_post(o->loop, &o->task, run);
}

static int join(struct nl_sock *sk)
{
	int err = own_connect(sk);

	if (!err)
		err = filter_routes(nl_socket_get_fd(sk));
	if (err)
		return err;
	errno = EIO;
	return nl_socket_add_memberships(sk, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
					 RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0) < 0
		       ? -errno
		       : 0;
}

/* Watching begins before reading, so that no change falls in between. */
static int start(struct own *o)
{
	int err;

	o->sk = nl_socket_alloc();
	err = o->sk ? join(o->sk) : -ENOMEM;
	if (err)
		return err;
	o->watcher = (struct watcher){ .fd = nl_socket_get_fd(o->sk), .ready = ready };
	err = own_read(&o->known);
	return err ? err : loop_watch(o->loop, &o->watcher, EPOLLIN);
}

static void release(struct deferred *d)
{
	struct own *o = container_of(d, struct own, deferred);

	nl_socket_free(o->sk);
	prefix_list_done(&o->known);
	free(o);
}

struct own *own_start(struct loop *l, struct own_watch *w, char *why, size_t why_len)
{
	struct own *o = calloc(1, sizeof(*o));
	int err = -ENOMEM;

	if (o) {
		o->loop = l;
		o->to = w;
		err = start(o);
	}
	if (err) {
		snprintf(why, why_len, "read the machine's addresses: %s", strerror(-err));
		if (o)
			release(&o->deferred);
		return NULL;
	}
	o->addresses = o->refused = !w->addresses(w, &o->known);
	o->links = !w->links(w);
	if (o->addresses || o->links)
		loop_arm(l, &o->retry, REFUSED_MS, try_again);
	return o;
}

void own_stop(struct own *o)
{
	if (!o)
		return;
	o->stopped = true;
	loop_forget(o->loop, &o->watcher);
	loop_unpost(o->loop, &o->task);
	loop_disarm(o->loop, &o->retry);
	loop_defer(o->loop, &o->deferred, release);
}
