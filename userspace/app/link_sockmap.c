// SPDX-License-Identifier: GPL-2.0-or-later
// Large frames of a session through the program in the kernel that takes them apart.
#include "app/link_sockmap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/link_impl.h"

struct sockmap *sockmap_new(unsigned streams, char *why, size_t why_len)
{
	struct sockmap *m = calloc(1, sizeof(*m));
	int err;

	snprintf(why, why_len, "out of memory");
	if (!m)
		return NULL;
	err = demux_new(&m->demux, streams, why, why_len);
	m->streams = err ? NULL : calloc(streams + 1, sizeof(struct stream *));
	if (m->streams)
		return m;
	demux_free(m->demux);
	free(m);
	return NULL;
}

void sockmap_free(struct sockmap *m)
{
	if (!m)
		return;
	demux_free(m->demux);
	relay_pipe_close(&m->pipe);
	free(m->streams);
	free(m);
}

static uint64_t key_of(const struct link *l)
{
	return (uint64_t)(uintptr_t)l;
}

bool link_maps(struct link *l, struct stream *st)
{
	struct sockmap *m = l->w->sockmap;
	struct endpoint *peer = st->e.peer;

	if (!m || relay_engine_join(l->engine, peer->engine) != RELAY_SOCKMAP)
		return false;
	if (st->slot)
		return true;
	if (st->unmapped || st->core.state != STREAM_OPEN || !peer->ops->socket)
		return false;
	if (demux_add(m->demux, key_of(l), st->core.id, peer->ops->socket(peer), &st->slot) < 0) {
		st->slot = 0;
		st->unmapped = true;
		return false;
	}
	m->streams[st->slot] = st;
	demux_slow(m->demux, st->slot, peer->queued > 0);
	return true;
}

static void account_parts(struct sockmap *m, const struct demux_pushed *pushed)
{
	for (unsigned i = 0; i < pushed->n; i++) {
		struct stream *st = m->streams[pushed->parts[i].slot];

		if (st)
			stream_arrived(st, pushed->parts[i].bytes, RELAY_SOCKMAP);
	}
}

ssize_t link_map_push(struct link *l, size_t n)
{
	struct sockmap *m = l->w->sockmap;
	struct demux_pos pos = { .hdr_have = l->core.hdr_have, .left = l->core.left };
	struct demux_pushed pushed;
	int err;

	memcpy(pos.hdr, l->core.hdr, sizeof(pos.hdr));
	err = demux_push(m->demux, key_of(l), &pos, m->pipe.rd, n, &pushed);
	if (err < 0) {
		relay_pipe_close(&m->pipe); /* what is in it belongs to nobody */
		link_end(l, "the kernel lost track of its frames");
		return -EIO;
	}
	session_place(&l->core, pos.hdr, pos.hdr_have, pos.left);
	account_parts(m, &pushed);
	return (ssize_t)pushed.taken;
}

void stream_map_account(struct stream *st)
{
	if (st->slot)
		demux_slow(st->w->sockmap->demux, st->slot,
			   st->early.len > 0 || (st->e.peer && st->e.peer->queued > 0));
}

void stream_map_end(struct stream *st)
{
	struct sockmap *m = st->w->sockmap;

	if (!st->slot)
		return;
	demux_remove(m->demux, st->slot);
	m->streams[st->slot] = NULL;
	st->slot = 0;
}
