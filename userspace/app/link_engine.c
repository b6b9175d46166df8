// SPDX-License-Identifier: GPL-2.0-or-later
// Which engine moves a session's and a stream's bytes, and why no other: for those who look.
#include "app/link_engine.h"

#include "app/link_sockmap.h"
#include "app/state.h"

/* The two enums are one; the region's must not change, and is no business of datapath/. */
_Static_assert((int)RELAY_COPY == (int)STATE_ENGINE_COPY, "same order");
_Static_assert((int)RELAY_SPLICE == (int)STATE_ENGINE_SPLICE, "same order");
_Static_assert((int)RELAY_SOCKMAP == (int)STATE_ENGINE_SOCKMAP, "same order");
_Static_assert((int)WIRE_PLAIN == (int)STATE_WIRE_PLAIN, "same order");
_Static_assert((int)WIRE_OPENSSL == (int)STATE_WIRE_SSL, "same order");
_Static_assert((int)WIRE_RECORDS == (int)STATE_WIRE_RECORDS, "same order");
_Static_assert((int)WIRE_KERNEL == (int)STATE_WIRE_KERNEL, "same order");

static bool in_memory(enum wire_place place)
{
	return place == WIRE_OPENSSL || place == WIRE_RECORDS;
}

/* What the session can have of the engine that it asks for; *ret_why may be NULL. */
static enum relay_engine possible(const struct link *l, enum wire_place rx, enum wire_place tx,
				  const char **ret_why)
{
	enum relay_engine asked = relay_engine_join(l->engine, RELAY_AUTO);
	const char *refused = l->w->program->sockmap_why;

	*ret_why = NULL;
	if (asked == RELAY_COPY) {
		*ret_why = l->engine == RELAY_AUTO ? "auto: copy costs least" : NULL;
		return RELAY_COPY;
	}
	if (in_memory(rx) && in_memory(tx)) {
		*ret_why = "TLS is made in memory, not by the kernel";
		return RELAY_COPY;
	}
	if (in_memory(rx) || in_memory(tx))
		*ret_why = in_memory(rx) ? "only sending; no kernel_rx"
					 : "only receiving; no kernel_tx";
	else if (l->copies_in)
		*ret_why = "only sending; no splice from TLS here";
	if (asked == RELAY_SOCKMAP && !l->w->sockmap) {
		*ret_why = refused[0] ? refused : "no program was loaded";
		return RELAY_SPLICE;
	}
	return asked;
}

void link_show_engine(struct link *l)
{
	enum wire_place tx, rx;
	enum relay_engine engine;
	const char *why;

	wire_places(l->wire, &tx, &rx);
	engine = possible(l, rx, tx, &why);
	state_session_wire(l, (enum state_wire)rx, (enum state_wire)tx);
	state_session_engine(l, (enum state_engine)engine, why);
}

void stream_show_joined(struct stream *st)
{
	const struct endpoint *peer = st->e.peer;
	const char *why = NULL;

	if (relay_engine_join(st->e.engine, RELAY_AUTO) != RELAY_COPY && peer) {
		if (!peer->ops->takes_pipe)
			why = "datagrams: no TCP socket";
		else if (peer->engine == RELAY_COPY)
			why = "its other end: copy";
	}
	if (why)
		state_stream_engine(st, STATE_ENGINE_COPY, why);
}

void stream_show_moved(struct stream *st, bool up, enum relay_engine by, size_t n)
{
	if (by != RELAY_COPY && (int)st->shown->engine != (int)by)
		state_stream_engine(st, (enum state_engine)by, NULL);
	if (by == RELAY_SOCKMAP)
		state_stream_sockmap(st, up, n);
	else if (by == RELAY_SPLICE)
		state_stream_spliced(st, up, n);
	else
		state_stream_copied(st, up, n);
}
