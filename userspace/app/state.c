// SPDX-License-Identifier: GPL-2.0-or-later
// Texts and ends of what sessions and streams show.
#include "app/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PUT(slot, member, text) state_put_text((slot)->member, sizeof((slot)->member), text)

/* From wire_describe(): "plain TCP", or "VERSION CIPHER ...". */
static void put_cipher(struct state_session *s, const struct wire *wire)
{
	const char *text = wire_describe(wire), *cipher = strchr(text, ' ');
	char word[STATE_CIPHER_MAX];

	if (strncmp(text, "plain", 5) == 0 || !cipher)
		return;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(cipher + 1, " "), cipher + 1);
	PUT(s, cipher, word);
}

void state_session_open(struct link *l, struct worker *w, const struct wire *wire, const char *user,
			const char *bound, const char *peer, ...)
{
	struct state_session *s = state_slots_session(&w->slots);
	char text[STATE_PEER_MAX];
	va_list ap;

	va_start(ap, peer);
	vsnprintf(text, sizeof(text), peer, ap);
	va_end(ap);
	state_slot_begin(&s->seq);
	s->role = l->core.role == SESSION_SERVER ? STATE_SERVER : STATE_CLIENT;
	s->engine = STATE_ENGINE_COPY;
	s->start_ms = s->active_ms = loop_now_ms(w->loop);
	put_cipher(s, wire);
	PUT(s, tag, l->tag);
	PUT(s, user, user);
	PUT(s, bound, bound);
	PUT(s, peer, text);
	state_slot_end(&s->seq);
	if (s == &w->slots.no_session)
		count(&w->counters.sessions_not_shown, 1);
	l->shown = s;
}

void state_session_close(struct link *l)
{
	state_slots_give_session(&l->w->slots, l->shown);
	l->shown = &l->w->slots.no_session; /* its streams' ends still store there */
}

void state_session_wire(struct link *l, enum state_wire in, enum state_wire out)
{
	state_slot_begin(&l->shown->seq);
	l->shown->wire_in = in;
	l->shown->wire_out = out;
	state_slot_end(&l->shown->seq);
}

void state_session_engine(struct link *l, enum state_engine engine, const char *why)
{
	state_slot_begin(&l->shown->seq);
	l->shown->engine = engine;
	PUT(l->shown, why, why ? why : "");
	state_slot_end(&l->shown->seq);
}

void state_stream_open(struct stream *st)
{
	struct link *l = st->link;
	struct state_stream *s = state_slots_stream(&st->w->slots);

	state_slot_begin(&s->seq);
	s->role = l->core.role == SESSION_SERVER ? STATE_SERVER : STATE_CLIENT;
	s->engine = STATE_ENGINE_COPY;
	s->id = st->core.id;
	s->start_ms = st->start_ms;
	PUT(s, session, l->tag);
	state_slot_end(&s->seq);
	if (s == &st->w->slots.no_stream)
		count(&st->w->counters.streams_not_shown, 1);
	st->shown = s;
	__atomic_store_n(&l->shown->streams_now, l->core.n_streams + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&l->shown->streams_ever, l->shown->streams_ever + 1, __ATOMIC_RELAXED);
}

void state_stream_close(struct stream *st)
{
	state_slots_give_stream(&st->w->slots, st->shown);
	st->shown = &st->w->slots.no_stream;
}

void state_stream_ends(struct stream *st, const union sockaddr_any *src, const struct addr *dst)
{
	char text[ADDR_TEXT_MAX], from[SOCKADDR_TEXT_MAX];

	state_slot_begin(&st->shown->seq);
	PUT(st->shown, source, src->sa.sa_family ? sockaddr_text(src, from) : "");
	PUT(st->shown, destination, addr_text(dst, text));
	state_slot_end(&st->shown->seq);
}

void state_stream_engine(struct stream *st, enum state_engine engine, const char *why)
{
	state_slot_begin(&st->shown->seq);
	st->shown->engine = engine;
	PUT(st->shown, why, why ? why : "");
	state_slot_end(&st->shown->seq);
	if (engine == STATE_ENGINE_SPLICE)
		count(&st->w->counters.streams_spliced, 1);
	if (engine == STATE_ENGINE_SOCKMAP)
		count(&st->w->counters.streams_sockmap, 1);
}
