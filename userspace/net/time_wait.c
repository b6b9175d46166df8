// SPDX-License-Identifier: GPL-2.0-or-later
// Finding and destroying TIME_WAIT sockets by sock_diag.
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

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

/* Zero-initialised it is empty. */
struct found {
	const struct prefix_list *own;
	struct inet_diag_req_v2 *at;
	size_t n, room;
	int err;
};

static bool is_foreign(const struct prefix_list *own, const struct inet_diag_msg *m)
{
	struct prefix p =
		prefix_of((const uint8_t *)m->id.idiag_src, m->idiag_family == AF_INET ? 4 : 16);

	return !prefix_list_has(own, p.ip, p.family == AF_INET ? 4 : 16);
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
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = 1 << TCP_TIME_WAIT,
		.id = m->id,
	};
	return 0;
}

static int take(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	const struct inet_diag_msg *m = nlmsg_data(h);
	struct found *f = arg;

	if (!nlmsg_valid_hdr(h, sizeof(*m)) || m->idiag_state != TCP_TIME_WAIT)
		return NL_OK;
	if (is_foreign(f->own, m) && !f->err)
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
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = 1 << TCP_TIME_WAIT,
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

int time_wait_destroy(const struct prefix_list *own)
{
	struct nl_sock *nl = nl_socket_alloc();
	struct found f = { .own = own };
	int err = nl ? 0 : -ENOMEM;

	if (!err && nl_connect(nl, NETLINK_SOCK_DIAG) < 0)
		err = -errno;
	err = err ? err : find(nl, AF_INET, &f);
	err = err ? err : find(nl, AF_INET6, &f);
	err = err ? err : destroy_all(nl, &f);
	free(f.at);
	nl_socket_free(nl);
	return err;
}
