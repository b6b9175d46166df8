/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is no user talks to a web server instead: relays the decrypted bytes of a wire to it. */
#ifndef APP_FALLBACK_H
#define APP_FALLBACK_H

#include "app/config.h"
#include "app/worker.h"

struct fallback;

/* For a client that has not said anything yet. Each is called at most once, and then no more. */
struct fallback_guard {
	/* Its first bytes. Returns the wire where the fallback is to go on with it and the bytes;
	 * NULL where the owner keeps it: the fallback is over then. */
	struct wire *(*broken)(void *owner, struct wire *wire, const uint8_t *p, size_t n);
	/* The fallback ended first; the wire is gone, its place of program->n_sessions given back.
	 */
	void (*over)(void *owner);
};

/*
 * Takes over the wire and its place of program->n_sessions; the target gets the bytes first. It is
 * closed after patience_ms without an answer of the target and without an empty line of the client:
 * a web server's clock for the head of a request has run since the connection came, the target's
 * own has not.
 */
void fallback_start(struct worker *w, struct wire *wire, const struct config_target *to,
		    const uint8_t *p, size_t n, uint64_t patience_ms, const char *tag);

/* As fallback_start(), guarded. NULL without memory: the wire is closed and the place given back.
 */
struct fallback *fallback_ask(struct worker *w, struct wire *wire, const struct config_target *to,
			      const struct fallback_guard *guard, void *owner, uint64_t patience_ms,
			      const char *tag);

/* Closes a guarded one; its place is the owner's again. NULL is ignored. */
void fallback_cancel(struct fallback *f);

#endif
