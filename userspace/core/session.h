/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol of one session, both roles: cuts incoming bytes into frames and decides what they
 * mean. It performs nothing: it hands out acts, in order (protocol notes 2, 3).
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "core/stream.h"
#include "proto/frame.h"

enum session_role { SESSION_SERVER, SESSION_CLIENT };

/* A stream as the session knows it. Embed it; zero-initialised but for `id` and `state`. */
struct session_stream {
	uint32_t id;
	enum stream_state state;
	UT_hash_handle hh;
};

enum act_kind {
	ACT_OPEN,   /* server: SYN of `stream_id`; add a stream to the session before feeding on */
	ACT_REFUSE, /* server: over the stream limit: SYNACK(error) where v2, FIN */
	ACT_DATA,   /* `data` for `stream` */
	ACT_FIN,    /* the peer finished `stream`, which is still in the table */
	ACT_SYNACK, /* client: `stream` is accepted (len 0) or refused (`data`: the reason) */
	ACT_SEND,   /* send the control frame `cmd` with `stream_id` and `data` */
	ACT_SEND_SCHEME, /* server: send our padding scheme */
	ACT_SCHEME,	 /* client: the server's new scheme is `data` */
	ACT_VERSION,	 /* client: the server speaks v2 */
	ACT_HEARTBEAT,	 /* a HeartResponse came */
	ACT_ALERT,	 /* the peer gives up: `data` says why; close */
	ACT_SEND_ALERT,	 /* send Alert with `data`, flush, close */
	ACT_CLOSE,	 /* the peer broke the protocol: `data` says how; close */
};

struct act {
	enum act_kind kind;
	uint8_t cmd;
	uint32_t stream_id;
	struct session_stream *stream;
	const uint8_t *data; /* valid until the next session_feed() */
	size_t len;
};

#define ACTS_MAX 64

struct acts {
	unsigned n;
	struct act act[ACTS_MAX];
};

struct session {
	enum session_role role;
	bool v2;		 /* negotiated */
	bool got_settings;	 /* server */
	bool any_frame;		 /* the peer's first frame was seen */
	uint32_t max_streams;	 /* server: open at the same time */
	uint32_t n_streams;	 /* in the table */
	uint32_t next_id;	 /* client: id of the next stream */
	const char *padding_md5; /* server: of its own scheme, 32 hex digits; borrowed */
	/* private */
	struct session_stream *streams, *recent;
	uint8_t hdr[FRAME_HDR_LEN];
	uint8_t hdr_have;
	struct frame_hdr frame; /* the frame being read, once hdr is complete */
	uint32_t left;		/* its data bytes that are still to come */
	uint16_t longest; /* data of the longest PSH frame that began since somebody cleared this */
	uint8_t *control; /* collects the data of a split control frame */
};

void session_init(struct session *s, enum session_role role);
/* Releases what it owns; the streams are the caller's. */
void session_done(struct session *s);

/*
 * Reads bytes and writes acts, replacing what was in *ret. Returns the bytes consumed, which is n
 * unless the acts are full or must be performed before reading on; feed the rest then. After
 * ACT_ALERT, ACT_SEND_ALERT or ACT_CLOSE feed no more. -ENOMEM: the session cannot go on.
 */
ssize_t session_feed(struct session *s, const uint8_t *p, size_t n, struct acts *ret);

/*
 * For those who move payload past session_feed(). The stream in whose data the reader stands, if at
 * least `least` bytes of the frame are to come; NULL otherwise.
 */
struct session_stream *session_in_data(struct session *s, uint32_t least);
/* Bytes of a frame's header that are to come; 0: the reader stands behind a header. */
unsigned session_header_left(const struct session *s);
/* Puts the reader where another one stands that went on from it: with so many bytes of a header, or
 * (FRAME_HDR_LEN) with so many bytes of the frame's data to come. Only data was read meanwhile. */
void session_place(struct session *s, const uint8_t hdr[static FRAME_HDR_LEN], uint8_t have,
		   uint32_t left);
/* n (at most s->left) bytes of a frame's data were passed on otherwise. */
void session_skip_data(struct session *s, uint32_t n);

/* Puts st, whose id is set and not in use, into the table. */
void session_add(struct session *s, struct session_stream *st);
/* Takes it out; one that is not in the table is ignored. */
void session_remove(struct session *s, struct session_stream *st);
/* NULL where there is none. */
struct session_stream *session_find(struct session *s, uint32_t id);

#endif
