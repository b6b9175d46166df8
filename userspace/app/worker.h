/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One data thread and everything it owns; and what all threads of the program share. */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/config.h"
#include "app/route.h"
#include "app/state_slots.h"
#include "datapath/endpoint.h"
#include "datapath/kernel.h"
#include "ev/loop.h"
#include "ev/mailbox.h"
#include "io/resolve.h"
#include "wire/wire.h"

#define WORKERS_MAX 256

struct inbound;
struct sockmap;
struct outbound;
struct outbound_shared;
struct inbound_shared;
struct program;

/* Adds to a counter that only the calling thread writes: a plain store that others may read. */
static inline void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* What a worker ends when it ends itself, and nobody else would. Embed it; zero-initialised it is
 * in no list. */
struct owned {
	struct list link;
	void (*end)(struct owned *o);
};

struct worker {
	unsigned id;
	struct program *program;
	const struct config *config;
	struct loop *loop;
	struct mailbox *mailbox;
	struct buf_pool pool;
	struct wire_shared wires;
	struct relay_shared relay;
	struct sockmap *sockmap; /* NULL: no relay wants it, or it cannot be had */
	uint8_t *rx;		 /* WIRE_READ_ROOM bytes: plaintext of the session being read */
	uint8_t *frame;		 /* FRAME_HDR_LEN + FRAME_DATA_MAX bytes: a frame being made */
	struct resolver *resolver;
	struct inbound **inbounds; /* by index in the configuration */
	struct outbound **outbounds;
	struct route *route; /* the rules as it last saw them: see flow.c */
	uint32_t route_version;
	struct state_counters counters; /* see count(); summed up by the control thread */
	struct state_slots slots;	/* what others may see of its sessions and streams */
	struct list handshakes;		/* struct conn of all anytls inbounds, oldest first */
	_Atomic uint64_t oldest_ms;	/* when the first of them came; UINT64_MAX: there is none */
	struct timer trim_timer;
	struct list owned;
	uint32_t n_orphans; /* streams that ended before their destination was there */
	bool draining;
	pthread_t thread;
};

/* Shared by all threads; constant after start but for the atomics and what the parts guard
 * themselves. */
struct program {
	const struct config *config;
	struct kernel_report kernel; /* what the kernel can do */
	unsigned n_workers;
	unsigned n_running; /* threads that were started */
	struct worker *workers;
	struct sockmap **sockmaps; /* by worker, which takes its own; entries may be NULL */
	char sockmap_why[96];	   /* why there is none; empty: nobody asked */
	struct inbound_shared **inbounds;
	int *listen_fds; /* of inbound i, worker k: [i * n_workers + k]; -1 once taken over */
	int *udp_fds;	 /* the same, of inbounds that capture UDP; else -1 */
	struct outbound_shared **outbounds;
	struct route_slot routes;
	struct route_files *files;     /* of lists; control thread only */
	_Atomic uint32_t n_sessions;   /* server sessions, handshakes included */
	_Atomic uint32_t n_handshakes; /* under way, server role */
	_Atomic uint32_t n_local;      /* connections of local inbounds */
	_Atomic uint32_t n_udp;	       /* UDP associations, both roles */
	_Atomic uint32_t n_udp_flows;	 /* captured: reply sockets */
	uint32_t most_udp_flows; /* of those, for the descriptors that there are; 0: no bound */
	_Atomic uint32_t n_udp_sessions; /* captured: associations that hold a tunnel session */
	_Atomic uint32_t n_farewells;  /* wires being closed in good order */
	_Atomic uint32_t n_busy;       /* connections and streams that a drain waits for */
	_Atomic uint32_t next_tag;     /* numbers for the log */
	_Atomic bool kernel_tls_off;   /* new sessions keep away from kernel TLS */
	struct state_region *state;    /* what others may see; NULL: nothing */
};

void worker_own(struct worker *w, struct owned *o, void (*end)(struct owned *o));
void worker_disown(struct owned *o);

/* Takes one of a limited number: false when `limit` are taken already. */
bool limit_take(_Atomic uint32_t *count, uint32_t limit);
void limit_give(_Atomic uint32_t *count);

/* Builds worker `id`, without its thread. 0 or -errno; `why` says what failed. */
int worker_init(struct worker *w, struct program *p, unsigned id, char *why, size_t why_len);
/* After its thread ended. */
void worker_done(struct worker *w);
/* The thread's function: runs the loop until worker_stop(). */
void *worker_run(void *worker);
/* From any thread: gives an accepted connection, unread, to that worker's instance of an inbound. 0
 * or -ENOMEM. */
int worker_hand_over(struct worker *w, unsigned inbound, int fd);
/* From any thread: has the inbounds load their certificates. */
void worker_reload(struct worker *w);
/* From any thread: closes the oldest connection of that worker that is not authenticated yet. */
void worker_push_out(struct worker *w);
/* From any thread: begins to drain / leaves the loop. */
void worker_drain(struct worker *w);
void worker_stop(struct worker *w);

#endif
