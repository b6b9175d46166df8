/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection that is not authenticated yet: server_accept.c takes it through its handshake,
 * server_conn.c goes on. */
#ifndef APP_SERVER_CONN_H
#define APP_SERVER_CONN_H

#include "app/server.h"
#include "proto/preamble.h"
#include "wire/handshake.h"

struct conn {
	struct server *s;
	struct list in_worker;
	uint64_t since_ms;
	struct watcher watch;
	struct timer timer;
	struct deferred dead;
	union sockaddr_any peer;
	int fd;				/* until a handshake or a wire has it; then -1 */
	struct handshake *handshake;	/* until it is done */
	struct wire *wire;		/* from then on */
	struct fallback *silent;	/* asked because nothing came */
	const struct config_user *user; /* the hash is known */
	uint8_t head[PREAMBLE_HDR_LEN];
	uint32_t head_have;
	uint32_t skip; /* padding still to come */
	char alpn[32];
	bool closed;
	char tag[16];
};

/* Waits for the preamble on c->wire. */
void conn_expect_preamble(struct conn *c);
/* What is left of the time for a handshake, in which a stranger must also make a request. */
uint64_t conn_patience_ms(const struct conn *c);
/* Ends the connection's life as a conn; what it still owns goes with it. Keeps its place of
 * n_sessions. */
void conn_done(struct conn *c);
/* Lets the other workers know how old the oldest is. */
void conn_note_oldest(struct worker *w);

#endif
