/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What uot_end.c (an end's life) and uot_decode.c (bytes of the stream into datagrams) share. */
#ifndef APP_UOT_IMPL_H
#define APP_UOT_IMPL_H

#include "app/uot_end.h"

#define UOT_PARTIAL_MAX (UOT_HDR_MAX + 65535)

struct uot {
	struct endpoint e; /* towards the stream */
	struct packets p;  /* towards the datagrams */
	struct worker *w;
	struct flow flow; /* server: how to route; client: the stream being opened */
	struct timer idle; /* looks from time to time whether it has been silent for long */
	uint64_t used_ms;
	struct deferred dead;
	struct owned owned;
	struct buf pending; /* client: sent before the stream was there */
	uint8_t *partial;   /* the start of a request or packet; UOT_PARTIAL_MAX bytes */
	size_t have;
	uint32_t timeout_ms;
	enum uot_version version;
	bool client;
	bool connect;	  /* packets carry no address */
	bool got_request; /* server: read it; client: wrote it */
	bool opening;	  /* client */
	bool closed;
	char tag[32];
};

/* Bytes from the stream: passes on every datagram that is whole. 0, -EPROTO, -ENOMEM, or
 * -ECONNREFUSED where nobody takes them. It may close u. */
int uot_receive(struct uot *u, const uint8_t *p, size_t n);

#endif
