// SPDX-License-Identifier: GPL-2.0-or-later
// Finding and destroying sockets of captured flows by sock_diag.
#include "net/time_wait.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#define CONNECTED                                                                                  \
	(1 << TCP_ESTABLISHED | 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2 |      \
	 1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING)

/* What is looked for, and what was found. */
struct found {
	const struct prefix_list *own;
	const struct prefix_list *to; /* NULL: to all that are foreign */
	uint32_t mark;		      /* 0: with any */
	uint32_t states;
	uint8_t protocol;
	struct inet_diag_req_v2 *at;
	size_t n, room;
	int err;
};

static bool is_meant(const struct found *f, const struct inet_diag_msg *m)
{
	struct prefix p =
		prefix_of((const uint8_t *)m->id.idiag_src, m->idiag_family == AF_INET ? 4 : 16);
	size_t n = p.family == AF_INET ? 4 : 16;

	return !prefix_list_has(f->own, p.ip, n) && (!f->to || prefix_list_has(f->to, p.ip, n));
}

static bool is_marked(const struct found *f, struct nlmsghdr *h)
{
	const struct nlattr *mark =
		nlmsg_find_attr(h, sizeof(struct inet_diag_msg), INET_DIAG_MARK);

	return !f->mark || (mark && nla_get_u32(mark) & f->mark);
}

static int add(struct found *f, const struct inet_diag_msg *m)
{
	if (f->n == f->room) {
		size_t room = f->room ? 2 * f->room : 64;
		struct inet_diag_req_v2 *at = reallocarray(f->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		f->at = at;
		f->room = room;
	}
	f->at[f->n++] = (struct inet_diag_req_v2){
		.sdiag_family = m->idiag_family,
		.sdiag_protocol = f->protocol,
		.idiag_states = f->states,
		.id = m->id,
	};
	return 0;
}

static int take(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	const struct inet_diag_msg *m = nlmsg_data(h);
	struct found *f = arg;

	if (!nlmsg_valid_hdr(h, sizeof(*m)) || !(1 << m->idiag_state & f->states))
		return NL_OK;
	if (is_meant(f, m) && is_marked(f, h) && !f->err)
		f->err = add(f, m);
	return NL_OK;
}

static int note_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	(void)from;
	*(int *)arg = e->error;
	return NL_STOP;
}

/* Sockets that come or go meanwhile need no second look. */
static int find(struct nl_sock *nl, uint8_t family, struct found *f)
{
	struct inet_diag_req_v2 r = {
		.sdiag_family = family,
		.sdiag_protocol = f->protocol,
		.idiag_states = f->states,
	};
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err = 0, rc;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, take, f);
	nl_cb_err(cb, NL_CB_CUSTOM, note_error, &err);
	if (nl_send_simple(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, sizeof(r)) < 0) {
		err = -EIO;
	} else {
		rc = nl_recvmsgs(nl, cb);
		if (!err && rc < 0 && rc != -NLE_DUMP_INTR)
			err = -EIO;
	}
	nl_cb_put(cb);
	return err ? err : f->err;
}

/* -ENOENT: it ended by itself. */
static int destroy(struct nl_sock *nl, struct inet_diag_req_v2 *r)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err = 0;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_ACK, NL_CB_DEFAULT, NULL, NULL);
	nl_cb_err(cb, NL_CB_CUSTOM, note_error, &err);
	if (nl_send_simple(nl, SOCK_DESTROY, NLM_F_ACK, r, sizeof(*r)) < 0 ||
	    (nl_recvmsgs(nl, cb) < 0 && !err))
		err = -EIO;
	nl_cb_put(cb);
	return err;
}

static int destroy_all(struct nl_sock *nl, const struct found *f)
{
	int n = 0;

	for (size_t i = 0; i < f->n; i++) {
		int err = destroy(nl, &f->at[i]);

		if (err && err != -ENOENT)
			return err;
		n += err == 0;
	}
	return n;
}

static int find_and_destroy(struct found *f)
{
	struct nl_sock *nl = nl_socket_alloc();
	int err = nl ? 0 : -ENOMEM;

	if (!err && nl_connect(nl, NETLINK_SOCK_DIAG) < 0)
		err = -errno;
	err = err ? err : find(nl, AF_INET, f);
	err = err ? err : find(nl, AF_INET6, f);
	err = err ? err : destroy_all(nl, f);
	free(f->at);
	nl_socket_free(nl);
	return err;
}

int time_wait_destroy(const struct prefix_list *own)
{
	struct found f = { .own = own, .states = 1 << TCP_TIME_WAIT, .protocol = IPPROTO_TCP };

	return find_and_destroy(&f);
}

int captured_destroy(const struct prefix_list *own, const struct prefix_list *to, uint32_t mark)
{
	struct found tcp = { .own = own, .to = to, .mark = mark, .states = CONNECTED };
	struct found udp = tcp;
	int n, m;

	tcp.protocol = IPPROTO_TCP;
	n = find_and_destroy(&tcp);
	udp.protocol = IPPROTO_UDP;
	m = find_and_destroy(&udp);
	if (m == -ENOENT) /* a kernel that cannot list UDP sockets */
		m = 0;
	return n < 0 ? n : m < 0 ? m : n + m;
}
