/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The c-ares side of name resolution: hosts file, then both families. */
#ifndef IO_DNS_H
#define IO_DNS_H

#include "ev/loop.h"
#include "io/sockaddr.h"

#define DNS_FAMILY_MAX 8 /* addresses kept of one family */

struct dns_answer {
	int err;    /* 0, -ENOENT, -ETIMEDOUT, -EIO or -ENOMEM */
	bool final; /* false: the other family is late and may still come */
	bool from_hosts;
	bool one_family; /* the other family failed, rather than being empty */
	uint32_t ttl_s;	 /* of DNS answers: the smallest one */
	unsigned n;
	union sockaddr_any addrs[2 * DNS_FAMILY_MAX]; /* in RFC 6724 order, port 0 */
};

struct dns;

/* servers: as in struct resolve_opts. NULL on failure. */
struct dns *dns_new(struct loop *l, const char *servers, uint32_t timeout_ms, uint32_t mark);
/* Questions under way end without an answer. NULL is ignored. Not from answered(). */
void dns_free(struct dns *d);

/* One name being asked for. Embed it; it stays put until the final answer or dns_free(). */
struct dns_question {
	/*
	 * Once with final set; before that at most once without it, when one family is known and
	 * the other has been waited for long enough. Must not call into this module.
	 */
	void (*answered)(struct dns_question *q, const struct dns_answer *answer);
};

/* -ENOMEM, or 0: then the answer may have come already. `name` is not kept. */
int dns_ask(struct dns *d, struct dns_question *q, const char *name);

#endif
