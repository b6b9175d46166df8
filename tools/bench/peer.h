/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both neighbours of one daemon under test, in one process: the other end of its AnyTLS session
 * ("near") and the plain socket behind it ("far"). What fails here spoils the figure, so these
 * functions end the program instead of returning an error.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/frame.h"
#include "wire/handshake.h"

struct peer_options {
	bool server;	/* the daemon's role; ours on the wire is the other one */
	bool to_wire;	/* payload goes from far to near */
	uint16_t port;	/* of the daemon: AnyTLS for a server, SOCKS for a client */
	uint16_t own;	/* that we listen on: target of a server, server of a client */
	uint32_t piece; /* bytes of one frame, or of one write to the daemon */
	uint64_t burst; /* bytes that are under way at most; a new burst begins when they came */
	uint64_t warm, bursts; /* before the figures, and for them */
	unsigned int rest_us;  /* between two bursts */
	unsigned int sessions; /* to hold; 0: a transfer */
	const char *password, *suite;
	const char *cert, *key; /* files, for a client */
	bool plain;		/* no TLS */
};

/* What all sessions share. */
struct peer_tls {
	struct buf_pool pool;
	struct wire_shared sh;
	struct tls_client *client;
	struct tls_server *server;
	uint8_t *in; /* WIRE_READ_ROOM bytes */
};

/* One session with at most one stream. */
struct near {
	struct peer_tls *tls;
	struct wire *wire;
	uint8_t head[34]; /* what came of a preamble or of a frame header */
	unsigned int have;
	uint32_t skip; /* bytes of the preamble's padding that are still to come */
	bool preamble_due, address_due;
	struct frame_hdr frame;
	uint32_t left; /* bytes of the frame that are still to come */
	uint64_t in;   /* payload bytes received, every one of them checked */
};

#define PEER_STREAM 1 /* id of the only stream */

void peer_tls_init(struct peer_tls *t, const struct peer_options *o);
void peer_tls_done(struct peer_tls *t);

/* What peer_wait() waits at most; -1: for ever, since a guest's clock jumps while it waits for its
 * disk. */
extern int peer_patience_ms;
/* Waits for events of poll(2) on fd. */
void peer_wait(int fd, short events);

/* Logs in to the daemon, which connects to o->own then. */
void near_connect(struct near *n, struct peer_tls *t, const struct peer_options *o);
/* Takes the daemon's connection and waits until the stream is open. */
void near_accept(struct near *n, struct peer_tls *t, const struct peer_options *o, int listener);
/* One frame of `len` payload bytes that begin at `at`, in records of its own. */
void near_send(struct near *n, uint64_t at, uint32_t len);
/* Ends the stream. */
void near_fin(struct near *n);
/* Takes what has come. */
void near_receive(struct near *n);
void near_close(struct near *n);

/* Payload as it is at a place of the stream: at most CONTENT_MAX bytes are there. */
#define CONTENT_MAX (256u * 1024)
const uint8_t *content_at(uint64_t at);
void content_check(uint64_t at, const uint8_t *p, size_t n);

/* A connection that goes through the daemon's SOCKS inbound, its request sent. */
int far_connect(const struct peer_options *o);
/* Takes the reply to it. */
void far_established(int fd);
/* The daemon's connection to its target. */
int far_accept(int listener);

#endif
