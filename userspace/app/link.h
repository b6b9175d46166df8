/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One AnyTLS session over its wire, for both roles: reads the wire, lets core/session decide and
 * performs the acts; writes frames, shaped or not; keeps every queue bounded. Worker thread only.
 */
#ifndef APP_LINK_H
#define APP_LINK_H

#include "app/scheme.h"
#include "app/worker.h"
#include "core/session.h"
#include "core/shaper.h"
#include "wire/wire.h"

struct link;
struct state_session;
struct stream;

/* What differs between the roles. */
struct link_ops {
	/* Server: the peer opened a stream: make it and session_add() it, or refuse it. */
	void (*open)(struct link *l, uint32_t stream_id);
	/* An act that only one role knows (ACT_SCHEME, ACT_VERSION, ACT_HEARTBEAT,
	 * ACT_SEND_SCHEME). */
	void (*act)(struct link *l, const struct act *a);
	/* The last stream left the session. */
	void (*idle)(struct link *l);
	/* The session is over: every stream was told, the wire is gone. Frees the owner, deferred.
	 */
	void (*over)(struct link *l, const char *why);
};

struct link {
	struct worker *w;
	const struct link_ops *ops;
	struct wire *wire;
	struct session core;
	struct shaper shaper;
	struct scheme *scheme; /* holds a reference */
	struct list streams;   /* struct stream, by in_link */
	struct list blocked;   /* those that wait for room on the wire */
	struct watcher watch;
	struct task read_task, flush_task;
	struct timer write_timer;   /* a control frame is stuck */
	struct timer stall_timer;   /* a stream is over its bound */
	struct timer silence_timer; /* something was sent */
	size_t queued;	       /* bytes of all streams that their destinations have not taken */
	uint64_t last_read_ms; /* when the peer was heard last */
	uint64_t bytes_in, bytes_out;
	uint64_t control_end;	     /* wire_sent() once the last control frame is out */
	struct state_session *shown; /* what others see of it; see app/state.h */
	enum relay_engine engine;    /* what its side asks for */
	bool piping;		     /* large frames come: reading goes by pipe */
	bool mapping;		     /* and through the sockmap */
	bool kernel_tx_due,
		kernel_rx_due;	  /* the kernel is to have these records, and has not yet */
	const char *kernel_unfit; /* why it must not have them, whatever it says itself */
	bool copies_in;		  /* what the kernel decrypts cannot be trusted to a pipe */
	uint8_t silent;		  /* looks in a row that found no acknowledgement */
	bool readable, hup;
	bool paused;  /* not reading: somebody downstream has to catch up */
	bool broken;  /* writing failed: it ends once nothing can be read any more */
	bool lost;    /* the peer ended it, or the connection did */
	bool refused; /* the peer ended it with an Alert, or does not speak AnyTLS */
	bool dead;
	char tag[16]; /* "s12": for the log */
};

/*
 * Takes over the wire and starts. `prefix`, which may be empty, was read from the wire already.
 * `scheme` is the one to shape with; a server's shaper never shapes. May end the session before it
 * returns.
 */
void link_start(struct link *l, struct worker *w, const struct link_ops *ops, struct wire *wire,
		struct scheme *scheme, const uint8_t *prefix, size_t n);

/* Ends the session: its streams are aborted, the wire is closed after `why` was noted. Idempotent.
 */
void link_end(struct link *l, const char *why);

/*
 * Sends one packet: whole frames that lie contiguously at p. Shaped by the scheme where that is
 * still due. At most WIRE_WRITE_MAX bytes. A failure ends the session.
 */
void link_packet(struct link *l, const uint8_t *p, size_t n);

/* Sends whole frames that the shaper has no say in, laid out as wire_write_in_place() wants them.
 */
void link_packet_in_place(struct link *l, struct iovec *iov, int n);

/* Sends a control frame with up to 65535 bytes of data as a packet of its own. */
void link_control(struct link *l, enum frame_cmd cmd, uint32_t stream_id, const void *data,
		  size_t n);

/* Whether a frame may go out of a pipe; and one that does, of n (at most ENDPOINT_PIPE_MAX) bytes.
 */
bool link_takes_pipe(const struct link *l);
void link_frame_by_pipe(struct link *l, uint32_t stream_id, struct relay_pipe *p, size_t n);

/* Whether the next packet is shaped: then it must not be merged with another. */
bool link_shapes(const struct link *l);

/* Whether a stream may write now; if not, it is put on the list of those that are resumed. */
bool link_has_room(struct link *l, struct stream *st);

/* The queue of a stream changed: adjusts the session's sum, pauses or resumes reading. */
void link_account(struct link *l, struct stream *st);

#endif
