/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The copy engine: a TCP socket as an endpoint, large reads with headroom, one gathered write. */
#ifndef DATAPATH_TCP_H
#define DATAPATH_TCP_H

#include "datapath/endpoint.h"

/*
 * Takes over a connected fd. `early`, which may be empty, are bytes that were already read from it;
 * they are moved and go to the peer first. `place`, unless NULL, is a count that is lowered by one
 * when the socket is closed. NULL without memory (fd and early untouched). It frees itself once it
 * is finished or aborted.
 */
struct endpoint *tcp_endpoint_new(struct relay_shared *sh, int fd, struct buf *early,
				  _Atomic uint32_t *place);

/* Reads in this turn, without waiting to be told that there is something: what it has sent so far
 * then leaves together with what was written to its peer before. */
void tcp_read_now(struct endpoint *e);

#endif
