// SPDX-License-Identifier: GPL-2.0-or-later
// The stream table.
#include "core/stream.h"

#define DO(x)	STREAM_DO_##x
#define GONE	DO(FORGET)
#define REFUSED (DO(SYNACK_ERROR) | DO(FIN) | GONE)

static const struct {
	uint8_t legal;
	uint8_t next;
	uint8_t todo;
} step[STREAM_STATES][STREAM_EVENTS] = {
	[STREAM_ADDRESS] = {
		[STREAM_EV_DESTINATION] = { 1, STREAM_DIALING, 0 },
		[STREAM_EV_BAD_DESTINATION] = { 1, STREAM_CLOSED, REFUSED },
		[STREAM_EV_REMOTE_FIN] = { 1, STREAM_CLOSED, GONE },
		[STREAM_EV_SESSION_DEAD] = { 1, STREAM_CLOSED, GONE },
		[STREAM_EV_LOCAL_ABORT] = { 1, STREAM_CLOSED, DO(FIN) | GONE },
	},
	[STREAM_DIALING] = {
		[STREAM_EV_DIALED] = { 1, STREAM_OPEN, DO(SYNACK) | DO(ATTACH) },
		[STREAM_EV_DIAL_FAILED] = { 1, STREAM_CLOSED, REFUSED },
		[STREAM_EV_ACK_DUE] = { 1, STREAM_ACKED, DO(SYNACK) },
		[STREAM_EV_REMOTE_CANCEL] = { 1, STREAM_CLOSED, GONE },
		[STREAM_EV_REMOTE_FIN] = { 1, STREAM_ORPHAN, GONE },
		[STREAM_EV_LOCAL_ABORT] = { 1, STREAM_CLOSED, REFUSED },
		[STREAM_EV_SESSION_DEAD] = { 1, STREAM_CLOSED, GONE },
	},
	[STREAM_ACKED] = {
		[STREAM_EV_DIALED] = { 1, STREAM_OPEN, DO(ATTACH) },
		[STREAM_EV_DIAL_FAILED] = { 1, STREAM_CLOSED, REFUSED },
		[STREAM_EV_REMOTE_CANCEL] = { 1, STREAM_CLOSED, GONE },
		[STREAM_EV_REMOTE_FIN] = { 1, STREAM_ORPHAN, GONE },
		[STREAM_EV_LOCAL_ABORT] = { 1, STREAM_CLOSED, REFUSED },
		[STREAM_EV_SESSION_DEAD] = { 1, STREAM_CLOSED, GONE },
	},
	[STREAM_ORPHAN] = {
		[STREAM_EV_DIALED] = { 1, STREAM_CLOSED, DO(ATTACH) | DO(FINISH) },
		[STREAM_EV_DIAL_FAILED] = { 1, STREAM_CLOSED, 0 },
		[STREAM_EV_SESSION_DEAD] = { 1, STREAM_ORPHAN, 0 },
	},
	[STREAM_OPENING] = {
		[STREAM_EV_SYNACK] = { 1, STREAM_OPEN, 0 },
		[STREAM_EV_DATA] = { 1, STREAM_OPEN, 0 },
		[STREAM_EV_SYNACK_ERROR] = { 1, STREAM_CLOSED, DO(FIN) | DO(ABORT) | GONE },
		[STREAM_EV_REMOTE_FIN] = { 1, STREAM_CLOSED, DO(FINISH) | GONE },
		[STREAM_EV_LOCAL_EOF] = { 1, STREAM_LINGER, DO(LINGER) },
		[STREAM_EV_LOCAL_DONE] = { 1, STREAM_CLOSED, DO(FIN) | GONE },
		[STREAM_EV_LOCAL_ABORT] = { 1, STREAM_CLOSED, DO(FIN) | GONE },
		[STREAM_EV_SESSION_DEAD] = { 1, STREAM_CLOSED, DO(ABORT) | GONE },
	},
	[STREAM_OPEN] = {
		[STREAM_EV_SYNACK] = { 1, STREAM_OPEN, 0 },
		[STREAM_EV_DATA] = { 1, STREAM_OPEN, 0 },
		[STREAM_EV_SYNACK_ERROR] = { 1, STREAM_CLOSED, DO(FIN) | DO(ABORT) | GONE },
		[STREAM_EV_REMOTE_FIN] = { 1, STREAM_CLOSED, DO(FINISH) | GONE },
		[STREAM_EV_LOCAL_EOF] = { 1, STREAM_LINGER, DO(LINGER) },
		[STREAM_EV_LOCAL_DONE] = { 1, STREAM_CLOSED, DO(FIN) | GONE },
		/* only a server can tell: its SYNACK makes the FIN an error to the client */
		[STREAM_EV_LOCAL_ABORT] = { 1, STREAM_CLOSED, REFUSED },
		[STREAM_EV_SESSION_DEAD] = { 1, STREAM_CLOSED, DO(ABORT) | GONE },
	},
	[STREAM_LINGER] = {
		[STREAM_EV_SYNACK] = { 1, STREAM_LINGER, 0 },
		[STREAM_EV_DATA] = { 1, STREAM_LINGER, DO(LINGER) },
		[STREAM_EV_SYNACK_ERROR] = { 1, STREAM_CLOSED, DO(FIN) | DO(ABORT) | GONE },
		[STREAM_EV_REMOTE_FIN] = { 1, STREAM_CLOSED, DO(FINISH) | GONE },
		[STREAM_EV_LINGER_OVER] = { 1, STREAM_CLOSED, DO(FIN) | DO(FINISH) | GONE },
		[STREAM_EV_LOCAL_DONE] = { 1, STREAM_CLOSED, DO(FIN) | GONE },
		[STREAM_EV_LOCAL_ABORT] = { 1, STREAM_CLOSED, DO(FIN) | GONE },
		[STREAM_EV_SESSION_DEAD] = { 1, STREAM_CLOSED, DO(ABORT) | GONE },
	},
};

unsigned stream_step(enum stream_state *state, enum stream_event ev, bool *ret_legal)
{
	bool legal = step[*state][ev].legal;
	unsigned todo = step[*state][ev].todo;

	if (ret_legal)
		*ret_legal = legal;
	if (legal)
		*state = step[*state][ev].next;
	return todo;
}

const char *stream_state_name(enum stream_state s)
{
	static const char *const names[STREAM_STATES] = {
		"closed", "address", "dialing", "acked", "orphan", "opening", "open", "linger",
	};

	return names[s];
}
