/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What dns_hijack.c (questions out, answers in) and dns_pending.c (whose they are) share. */
#ifndef APP_DNS_HIJACK_IMPL_H
#define APP_DNS_HIJACK_IMPL_H

#include "app/dns_hijack.h"
#include "proto/dns_message.h"

/* What is asked through one outbound. */
struct dns_far {
	struct packets p; /* its near side */
	struct dns_hijack *h;
	uint64_t heard_ms; /* the last answer, or when it was made */
};

struct dns_pending {
	UT_hash_handle hh;
	uint16_t id;	    /* ours, the key */
	uint16_t client_id; /* what the client knows it by */
	union sockaddr_any client, asked;
	uint64_t at_ms;
	struct list in_age;
	struct dns_far *far;
	size_t len;
	uint8_t question[];
};

struct dns_hijack {
	struct transparent_udp *u;
	struct dns_pending *pending; /* by id */
	struct list ages;	     /* of those, the oldest first */
	struct timer sweep;
	struct dns_far *far[]; /* by outbound; p.peer is NULL where there is none now */
};

/* Remembers a question under a free id; NULL without memory. */
struct dns_pending *dns_pending_add(struct dns_hijack *h, struct dns_far *far,
				    const struct datagram *d, const struct dns_message *m);
/* NULL where nobody waits for that answer. */
struct dns_pending *dns_pending_find(struct dns_hijack *h, const struct dns_far *far,
				     const struct dns_message *m);
void dns_pending_done(struct dns_hijack *h, struct dns_pending *p);
/* Forgets all of them. */
void dns_pending_clear(struct dns_hijack *h);

/* Ends what leads to the resolver; the next question makes it anew. */
void dns_far_end(struct dns_far *far);

#endif
