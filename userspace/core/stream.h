/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of one stream, as a table: what an event changes and what is to be done (protocol
 * notes 2.6, 3.4). */
#ifndef CORE_STREAM_H
#define CORE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

enum stream_state {
	STREAM_CLOSED,	/* the id is forgotten */
	STREAM_ADDRESS, /* server: SYN came, the destination did not yet */
	STREAM_DIALING, /* server: no SYNACK yet */
	STREAM_ACKED,	/* server: still dialling, but SYNACK was due */
	STREAM_ORPHAN,	/* server: FIN came while dialling; what came before it is still to be
			   delivered */
	STREAM_OPENING, /* client: SYN and address are out, nothing came back */
	STREAM_OPEN,	/* both roles: relaying */
	STREAM_LINGER,	/* client: the application sent EOF, FIN is held back */
	STREAM_STATES
};

enum stream_event {
	STREAM_EV_DESTINATION,	   /* server: the address is complete */
	STREAM_EV_BAD_DESTINATION, /* server: it is malformed */
	STREAM_EV_DIALED,
	STREAM_EV_DIAL_FAILED,
	STREAM_EV_ACK_DUE,	/* server: SYNACK must not wait any longer */
	STREAM_EV_SYNACK,	/* client */
	STREAM_EV_SYNACK_ERROR, /* client */
	STREAM_EV_DATA,		/* client: bytes for us */
	STREAM_EV_REMOTE_FIN,
	STREAM_EV_REMOTE_CANCEL, /* server: FIN, and nothing came before it that waits to be
				    delivered */
	STREAM_EV_LOCAL_EOF,	 /* our side has no more to send */
	STREAM_EV_LOCAL_DONE,	 /* our side is gone, in good order */
	STREAM_EV_LOCAL_ABORT,	 /* our side is gone, broken */
	STREAM_EV_LINGER_OVER,
	STREAM_EV_SESSION_DEAD,
	STREAM_EVENTS
};

enum stream_todo {
	STREAM_DO_SYNACK = 1 << 0,	 /* send SYNACK (v2 only) */
	STREAM_DO_SYNACK_ERROR = 1 << 1, /* server, v2: send SYNACK with the reason */
	STREAM_DO_FIN = 1 << 2,		 /* send FIN */
	STREAM_DO_ATTACH = 1 << 3,	 /* join with the dialled destination, deliver what waits */
	STREAM_DO_FINISH = 1 << 4, /* local side: deliver the rest, then close in good order */
	STREAM_DO_ABORT = 1 << 5,  /* local side: RST */
	STREAM_DO_LINGER = 1 << 6, /* (re)start the linger timer */
	STREAM_DO_FORGET = 1 << 7, /* take the id out of the session's table */
};

/*
 * Changes *state and returns what to do. An event that the state does not expect changes nothing
 * and returns 0 (late frames and late timers are normal); *ret_legal tells, for statistics and
 * tests.
 */
unsigned stream_step(enum stream_state *state, enum stream_event ev, bool *ret_legal);

const char *stream_state_name(enum stream_state s);

#endif
