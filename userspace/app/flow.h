/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One thing to be proxied, from the moment its destination is known until it is joined; and who
 * carries it out. */
#ifndef APP_FLOW_H
#define APP_FLOW_H

#include "app/packets.h"
#include "app/worker.h"
#include "io/dial.h"
#include "proto/addr.h"

struct flow;

/* Told to whoever started the flow, perhaps before outbound_connect() returns; then the flow is
 * over. */
struct flow_ops {
	/* `far` leads to the destination; join it, or finish it. */
	void (*opened)(struct flow *f, struct endpoint *far);
	/* err is negative errno; why is one line, valid for the call. */
	void (*failed)(struct flow *f, int err, const char *why);
};

/* Embed it, zero-initialised; it must stay put until opened(), failed() or flow_cancel(). */
struct flow {
	struct worker *w;
	const struct flow_ops *ops;
	uint32_t inbound; /* index in the configuration */
	uint8_t network;  /* IPPROTO_TCP or IPPROTO_UDP */
	const char *user; /* name, "" where there is none */
	const char *tag;  /* for the log, e.g. "s12/3" */
	struct addr dst;
	union sockaddr_any src; /* who asks; family 0: unknown */
	const char *domain; /* sniffed, for rules; valid until flow_route() returns; NULL: none */
	struct outbound *outbound; /* set by flow_route() */
	/* of the outbound */
	struct dial dial;
	struct flow **pending; /* where the outbound keeps the pointer to this flow */
	bool retried;	       /* a session died under it once already */
};

struct outbound_ops {
	void (*connect)(struct outbound *o, struct flow *f);
	/* The flow's opened() or failed() must not come any more. */
	void (*cancel)(struct outbound *o, struct flow *f);
	/* UDP: the far side of an association; f is only read. NULL without memory or where
	 * refused. */
	struct packets *(*packets)(struct outbound *o, const struct flow *f, bool connected,
				   uint32_t timeout_ms);
	/* For a connection whose worker has nothing ready: whether another worker's thread is
	 * better. */
	struct worker *(*better_worker)(struct outbound *o);
	/* What the association that has just ended has left behind need not be kept for the next
	 * one: a session fewer may be idle. NULL: nothing is ever idle. */
	void (*part)(struct outbound *o);
	void (*drain)(struct outbound *o);
	void (*free)(struct outbound *o);
};

struct outbound {
	const struct outbound_ops *ops;
	const struct config_outbound *config;
	struct outbound_shared *shared;
	struct worker *w;
};

/* What an outbound's instances on all workers share. NULL and a reason in why on failure. */
struct outbound_shared *outbound_shared_new(const struct config_outbound *c, char *why,
					    size_t why_len);
void outbound_shared_free(struct outbound_shared *s);

/* Chooses the outbound by the rules; false where one rejects the flow (then it has none). Forgets
 * f->domain. */
bool flow_route(struct flow *f);
/*
 * Whether a datagram of a flow that was routed by f->dst may go to `dst` as well: false where a
 * rule rejects it. Which outbound the rules want for it does not count: an association has one.
 */
bool flow_permits(const struct flow *f, const struct addr *dst);
/* Whether a rule may ask for the domain of this inbound's flows. */
bool flow_wants_domain(struct worker *w, uint32_t inbound);
/* Routes and connects. */
void flow_connect(struct flow *f);
void flow_cancel(struct flow *f);
/* Routes and makes the far side of a UDP association; see outbound_ops.packets. */
struct packets *flow_packets(struct flow *f, bool connected, uint32_t timeout_ms);

/* One instance for one worker; NULL and a reason in why on failure. */
struct outbound *direct_new(struct worker *w, const struct config_outbound *c);
struct outbound *block_new(struct worker *w, const struct config_outbound *c);
struct outbound *client_new(struct worker *w, const struct config_outbound *c,
			    struct outbound_shared *shared, char *why, size_t why_len);

/* config_dial as io/dial wants it. */
struct dial_opts dial_opts_from(const struct config_dial *c);

#endif
