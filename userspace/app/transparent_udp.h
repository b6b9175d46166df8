/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Captured datagrams: what the parts of one worker's share need of each other.
 *
 * An association is what one client's port has with one outbound: one far side, for all
 * destinations. A flow is a client's port and one destination: a reply socket, on which later
 * datagrams of the client come without passing the listener. An association ends with its last
 * flow.
 */
#ifndef APP_TRANSPARENT_UDP_H
#define APP_TRANSPARENT_UDP_H

#include "app/transparent.h"
#include "app/udp_key.h"
#include "io/datagram.h"

struct dns_hijack;
struct udp_source;

#define PORT_DNS 53

/* How long a flow may be silent: in lists, the longest silent first, all of one patience. */
enum udp_age {
	UDP_WAITING,  /* not answered yet */
	UDP_ANSWERED, /* there were datagrams both ways */
	UDP_DONE,     /* a question that has its answer */
	UDP_AGES,
};

struct udp_flow {
	struct watcher watch; /* the reply socket; -1: it cannot be had, see transparent_as.c */
	struct udp_association *a;
	struct udp_key key; /* client and destination */
	UT_hash_handle hh;
	union sockaddr_any dst;
	struct list in_age, in_association;
	struct list in_uninvited; /* made by an answer from where the client never sent to */
	struct task more;	  /* there is more to read than one read takes */
	struct deferred dead;
	uint64_t used_ms;
	enum udp_age age;
	bool one_by_one; /* its answers cannot leave as a run */
	bool ended;
};

struct udp_association {
	struct packets p; /* its near side */
	struct transparent_udp *u;
	struct outbound *o;
	struct udp_source *source; /* all of the client's address */
	struct udp_key key;	   /* client and outbound */
	UT_hash_handle hh;
	union sockaddr_any client;
	struct udp_flow *recent;      /* the one used last; may be NULL */
	struct list flows, uninvited; /* the oldest first */
	unsigned n_uninvited;
	struct list in_use; /* of the lists by use; in none where no place is counted */
	struct deferred dead;
	uint64_t used_ms;
	bool counted; /* holds one of limits.udp_sessions */
	bool answered, ended;
	char tag[16];
};

/* Answers of one flow that leave together: of one size but for the last. */
struct udp_run {
	struct udp_flow *f; /* who was answered last; may be NULL */
	uint8_t *data;	    /* DATAGRAM_RUN_MAX bytes */
	size_t each, len;
	unsigned n;
	struct task flush;
};

struct transparent_udp {
	struct transparent *t;
	struct worker *w;
	struct watcher watch; /* the listener */
	struct datagrams *batch;
	struct udp_flow *flows;		      /* by key */
	struct udp_association *associations; /* by key */
	struct udp_source *sources;	      /* clients' addresses, by key */
	struct udp_source *most_flows,
		*most_sessions;	    /* who got the most when it got its last one; may be NULL */
	struct list ages[UDP_AGES]; /* of flows */
	struct list waiting,
		answered;  /* associations that hold a place, the longest silent first */
	struct list queue; /* first datagrams of flows that wait for a place */
	unsigned n_queue;
	size_t queue_bytes;
	struct timer sweep, queue_timer;
	struct task queue_task;
	struct mail ask;	     /* another worker's, for a place */
	_Atomic bool asked;	     /* it is on its way */
	_Atomic uint32_t n_sessions; /* limits.udp_sessions that are in use here */
	struct udp_run run;
	int as4, as6;		   /* of transparent_as.c */
	struct dns_hijack *dns;	   /* NULL: port 53 is as any other */
	_Atomic uint32_t n_handed; /* datagrams on their way from other workers */
	struct log_limit refused;
};

/* transparent_udp.c */

/* A datagram for which no socket of its own exists, or not yet, of any client. */
void udp_arrived(struct transparent_udp *u, const struct datagram *d);
/* The same, of a client of this worker. */
void udp_captured(struct transparent_udp *u, const struct datagram *d);
/* The same, which goes on or is dropped; or -EAGAIN: there is no place for its flow now. */
int udp_begin(struct transparent_udp *u, const struct datagram *d);
/* Counts one that does not go on. */
void udp_drop(struct transparent_udp *u);

/* transparent_assoc.c */

/* The client's association with an outbound; NULL where there is none. */
struct udp_association *udp_association_find(struct transparent_udp *u,
					     const union sockaddr_any *client,
					     const struct outbound *o);
/* Makes it for a flow that was routed. 0, -EAGAIN: there is no place now, or -ECONNREFUSED. */
int udp_association_new(struct transparent_udp *u, struct flow *f, struct udp_association **ret);
/* Ends it with all of its flows. Idempotent. */
void udp_association_end(struct udp_association *a);
/* A datagram passed, either way. */
void udp_association_used(struct udp_association *a, bool answer);

/* transparent_flow.c */

struct udp_flow *udp_flow_find(struct transparent_udp *u, const union sockaddr_any *client,
			       const union sockaddr_any *dst);
/* Makes it, with such a place, which is given back where that cannot be done (NULL). `uninvited`:
 * for an answer from where the client never sent to. */
struct udp_flow *udp_flow_new(struct udp_association *a, const union sockaddr_any *dst,
			      bool uninvited);
/* Whether the client has sent something that was not read yet. */
bool udp_flow_unread(const struct udp_flow *f);
/* Ends it, and the association with its last one. Idempotent. */
void udp_flow_end(struct udp_flow *f);
/* A datagram of the client goes on; it may end the flow. */
void udp_flow_up(struct udp_flow *f, const struct datagram *d);
/* An answer for the client; likewise. */
void udp_flow_down(struct udp_flow *f, const uint8_t *data, size_t n);

/* transparent_age.c */

void udp_ages_init(struct transparent_udp *u);
/* Puts a flow where it belongs by its age, as of now. */
void udp_age(struct udp_flow *f, enum udp_age age);
/* While many sessions are in use: ends an association that seems to be over, if there is one, so
 * that a new one finds its session. */
void udp_end_one_over(struct transparent_udp *u);
/* Makes a place for a client (NULL: another worker's) by ending what was used least lately, where
 * one client has most of it then something of that one; false where nothing may be ended. */
bool udp_evict_flow(struct transparent_udp *u, const union sockaddr_any *client);
bool udp_evict_association(struct transparent_udp *u, const union sockaddr_any *client);

/* transparent_source.c */

/* Counts an association for its client's address, and no more. False without memory. */
bool udp_source_join(struct udp_association *a);
void udp_source_leave(struct udp_association *a);
void udp_source_add_flow(struct udp_association *a);
void udp_source_drop_flow(struct udp_association *a);
/* The address that leaves the others less than half; NULL: none does. */
const struct udp_source *udp_greedy_of_flows(const struct transparent_udp *u);
const struct udp_source *udp_greedy_of_sessions(const struct transparent_udp *u);
bool udp_source_is(const struct udp_source *s, const union sockaddr_any *client);
/* Whether a client need not wait behind datagrams that wait for a place: another address has most
 * of them, and will give one. */
bool udp_source_goes_first(const struct transparent_udp *u, const union sockaddr_any *client);

/* transparent_run.c */

bool udp_run_init(struct transparent_udp *u);
void udp_run_done(struct transparent_udp *u);
/* Sends an answer at once, or at the end of this turn with those that follow; it may end the flow.
 */
void udp_run_send(struct udp_flow *f, const uint8_t *data, size_t n);
/* The flow ends. */
void udp_run_forget(struct udp_flow *f);

/* transparent_place.c */

/* limits.udp_flows, or what the descriptors allow. */
uint32_t udp_flows_limit(const struct transparent_udp *u);
/* Takes one of limits.udp_flows for a client, perhaps by ending another flow. */
bool udp_flow_place(struct transparent_udp *u, const union sockaddr_any *client);
/* Takes one of limits.udp_sessions, perhaps by ending another association; where none may be ended
 * here, another worker is asked to end one. */
bool udp_session_place(struct transparent_udp *u, const union sockaddr_any *client);
void udp_session_give(struct transparent_udp *u);

/* transparent_queue.c */

void udp_queue_init(struct transparent_udp *u);
void udp_queue_done(struct transparent_udp *u);
/* Keeps a datagram until there is a place for its flow, for a bounded time; or drops it. */
void udp_queue_add(struct transparent_udp *u, const struct datagram *d);
/* There may be a place. */
void udp_queue_wake(struct transparent_udp *u);

/* transparent_as.c */

void udp_as_init(struct transparent_udp *u);
void udp_as_done(struct transparent_udp *u);
/* Whether answers may leave without a socket that is bound to their source: where a service of this
 * machine has the same port on all addresses, none can be bound. */
bool udp_may_answer_as(struct transparent_udp *u, int family);
/* Sends one. 0, -EPERM where that is refused, or -errno. */
int udp_answer_as(struct transparent_udp *u, const union sockaddr_any *from,
		  const union sockaddr_any *to, const uint8_t *data, size_t n);

#endif
