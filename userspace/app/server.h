/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The anytls inbound: what its parts (accept, authentication, session, stream, fallback) need of
 * each other. */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include "app/flow.h"
#include "app/inbound.h"
#include "app/link.h"
#include "app/source_limit.h"
#include "app/certs.h"
#include "wire/tls_server.h"

struct inbound_shared {
	const struct config_inbound *config;
	const struct config_limits *limits;
	struct scheme *scheme;
	struct source_limit *sources;
	struct certs *certs; /* NULL without TLS */
};

/* One worker's instance. */
struct server {
	struct inbound in;
	struct tls_server *tls; /* NULL without TLS */
	struct list sessions;	/* struct server_session */
	struct log_limit refused;
};

/* A session after authentication. */
struct server_session {
	struct link l;
	struct server *s;
	const struct config_user *user;
	struct list in_server;
	struct timer idle;
	struct deferred dead;
	union sockaddr_any from;
	char peer[SOCKADDR_TEXT_MAX]; /* the same */
};

/* A connection that was accepted; the places it took of n_sessions are its own from here on. */
void conn_accepted(struct server *s, int fd, const union sockaddr_any *peer);
struct conn;
/* Closes a connection that is not authenticated yet. */
void conn_close(struct conn *c);
struct conn *conn_oldest(struct worker *w);

/* Takes over an authenticated wire and its place; `rest` was read behind the preamble. */
void server_session_start(struct server *s, const struct config_user *user, struct wire *wire,
			  const union sockaddr_any *peer, const char *tag, const uint8_t *rest,
			  size_t n);

/* The peer opened a stream. */
void server_stream_open(struct link *l, uint32_t stream_id);

static inline struct server_session *server_session_of(struct link *l)
{
	return container_of(l, struct server_session, l);
}

#endif
