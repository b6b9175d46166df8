/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection of a local client, from its acceptance until it is relayed or ended: what the
 * inbounds that have such have in common. */
#ifndef APP_LOCAL_CONN_H
#define APP_LOCAL_CONN_H

#include "app/flow.h"
#include "app/inbound.h"

/* Embed it, zero-initialised. */
struct local_conn {
	struct inbound *in;
	struct list link; /* where the inbound keeps it */
	struct watcher watch;
	struct timer timer;
	struct flow flow;
	struct deferred dead;
	bool closed;
	bool flow_open;	  /* the flow was started and is not over */
	bool place_moved; /* of n_local: a relay has it now */
	bool sends_first; /* the client does not wait for us: it may well have sent already */
	char tag[16];
};

/* Starts accepting on fd for in->sink, with keepalive for all that come. False without memory; then
 * fd stays the caller's. */
bool local_listen(struct inbound *in, int fd);
/* Counts a connection that was accepted, and takes its place of limits.local_connections. False
 * where none is free, which `refused` allows to be logged. */
bool local_place(struct inbound *in, struct log_limit *refused);
/* Whether another worker takes it over, with its place: one whose outbound has a session ready. */
bool local_handed_over(struct inbound *in, int fd);
/* Gives up a connection that there is no memory for. */
void local_drop(struct inbound *in, int fd);

/*
 * Takes over fd, its place, and puts the connection into `all`. `peer`: as accepted, or NULL where
 * another worker did that; it becomes flow.src.
 */
void local_conn_start(struct local_conn *c, struct inbound *in, struct list *all, int fd,
		      const union sockaddr_any *peer);
/* Has watch.ready, which is set, called for `events`, and for a client that is gone. 0 or -errno.
 */
int local_conn_watch(struct local_conn *c, uint32_t events);
/* Starts the flow, whose dst, user, domain and ops are set. It may be over, and the connection
 * with it, on return. */
void local_conn_connect(struct local_conn *c);
/* In opened(): joins the socket to the far side, `early` bytes of it first, which are moved. On
 * failure `far` is aborted and false returned. End the connection in both cases. */
bool local_conn_join(struct local_conn *c, struct endpoint *far, struct buf *early);
/* Ends it: cancels the flow, closes the socket unless it was joined, and has `release` called with
 * c->dead once nothing refers to it. False where it was over already. */
bool local_conn_end(struct local_conn *c, void (*release)(struct deferred *d));

#endif
