/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The anytls outbound: what its parts (pool, dialling, session, stream) need of each other. */
#ifndef APP_CLIENT_H
#define APP_CLIENT_H

#include "app/flow.h"
#include "app/link.h"
#include "core/pool.h"
#include "wire/handshake.h"

struct outbound_shared {
	const struct config_outbound *config;
	struct scheme_slot scheme;	    /* what the server last told */
	_Atomic uint32_t idle[WORKERS_MAX]; /* idle sessions of each worker */
	_Atomic uint64_t next_seq;
	_Atomic uint64_t retry_at_ms;	/* after an authentication failure: no connection before */
	_Atomic uint32_t failures;	/* in a row */
	_Atomic uint32_t n_opening;	/* warm sessions being made */
	_Atomic uint32_t warm_failures; /* of those, in a row */
	_Atomic uint64_t warm_retry_at_ms;
	_Atomic bool used; /* warm sessions are kept after the first use */
};

/* One worker's instance. */
struct client {
	struct outbound o;
	struct tls_client *tls;
	struct dial_opts dial;
	struct pool pool;
	struct list sessions; /* all of them, in every phase */
	struct timer sweep, warm;
	struct log_limit failed;
	uint32_t n_given_up; /* at most so many sessions are being made for nobody */
};

enum client_phase { CLIENT_DIALING, CLIENT_HANDSHAKE, CLIENT_READY };

struct client_session {
	struct link l; /* from CLIENT_READY on */
	struct client *c;
	enum client_phase phase;
	struct list in_client;
	struct pool_entry entry;
	struct dial dial;
	struct handshake *handshake;
	struct watcher watch;
	struct timer timer; /* handshake, then heartbeats */
	struct deferred dead;
	struct flow *first; /* what it is made for, until it is ready; may be NULL */
	uint64_t ready_ms;
	uint64_t asked_at; /* l.bytes_in when the last HeartRequest left */
	uint32_t n_active; /* streams that keep it from being used for another */
	bool asked, warming, greeted, over;
	bool rested; /* it was idle once: it may have died unseen */
};

/* Makes a session for a flow, or ahead of need (NULL). The flow fails where that cannot be done. */
void client_dial(struct client *c, struct flow *f);
/* Ends it in whatever phase it is. */
void client_session_end(struct client_session *cs, int err, const char *why);
/* A session that can take a stream: opens one for f, which is told at once or when the server
 * answers. */
void client_stream_open(struct client_session *cs, struct flow *f);
/*
 * Keeps `local` (unjoining it) for a stream to dst on a fresh session, once; false without memory.
 * Strings are copied.
 */
bool client_rescue(struct client *c, struct endpoint *local, const struct addr *dst,
		   const char *user, const char *tag);
/* The Settings frame, if this session still owes it, to p; returns its length. */
size_t client_greeting(struct client_session *cs, uint8_t *p, size_t room);

/* A stream does not need the session for itself any more: it ended, or only waits for its FIN. */
void client_session_released(struct client_session *cs);

/* The pool and its counters. */
void client_pool_put(struct client_session *cs);
struct client_session *client_pool_take(struct client *c);
void client_pool_remove(struct client_session *cs);
/* Ends the oldest idle session, where more than the minimum are idle. */
void client_pool_part(struct client *c);
/* Opens warm sessions soon, where the minimum asks for more. */
void client_pool_warm(struct client *c);
/* One attempt at a warm session is over. */
void client_pool_warmed(struct client *c, bool ready);
void client_pool_start(struct client *c);
void client_pool_stop(struct client *c);

/* The server refused us, or so it looks; and the first sign that it works. */
void client_backoff(struct client *c, const char *why);
void client_backoff_over(struct client *c);

static inline struct client *client_of(struct outbound *o)
{
	return container_of(o, struct client, o);
}

static inline struct client_session *client_session_of(struct link *l)
{
	return container_of(l, struct client_session, l);
}

#endif
