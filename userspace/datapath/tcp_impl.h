/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tcp.c (a socket's life and what is written to it) and tcp_source.c (what is read from it)
 * share. */
#ifndef DATAPATH_TCP_IMPL_H
#define DATAPATH_TCP_IMPL_H

#include "datapath/tcp.h"

struct tcp {
	struct endpoint e;
	struct relay_shared *sh;
	struct list in_all;
	struct watcher watch;
	struct task pump;
	struct timer linger;
	struct deferred dead;
	struct buf out;	  /* written to us, not taken by the socket yet */
	struct buf early; /* read before we were made */
	_Atomic uint32_t *place;
	bool readable;
	bool asks_room; /* it is told when the socket takes more: since that was full for the first
			   time */
	bool bulk;	/* the last read was large: the next may go by pipe */
	bool hup;	/* the source's end is in sight: read on until it comes */
	bool source_ended;
	bool sink_ended; /* nothing more will be written to us */
	bool shut;	 /* FIN is sent */
	bool finishing;	 /* the peer is gone; deliver and close */
	bool broken;	 /* the socket failed; pump() tells the peer, behind what is `readable` */
	bool closed;
};

/* Closes and unjoins; the memory goes with the turn. Idempotent. */
void tcp_close(struct tcp *t);
/* The same with an RST. */
void tcp_close_hard(struct tcp *t);
/* Closes once both directions are over. */
void tcp_close_if_done(struct tcp *t);
/* The socket failed: the next turn tells the peer, which may be in the middle of a write to us. */
void tcp_fail(struct tcp *t);
/* The same where writing found that the connection is gone: what came before is passed on first. */
void tcp_reset(struct tcp *t);
/* Closes hard and aborts the peer. */
void tcp_tell_broken(struct tcp *t);
/* Reads as far as the peer has room, a few times; goes on in the next turn. A task. */
void tcp_pump(struct task *task);

#endif
