/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon shows of itself to other programs: fixed structs without holes, the same in
 * memory-mapped BPF arrays (whose BTF is made of these) and in files. Readers: app/state_read.h.
 *
 * The daemon writes with plain stores. `seq` of a slot is odd while its texts change and grows by 2
 * with each change; numbers are whole at any time. Times are milliseconds of CLOCK_MONOTONIC unless
 * they say otherwise. Texts end with NUL, are cut where they are too long, and come from peers.
 * A change of any struct is a new STATE_VERSION.
 */
#ifndef BPF_ABI_H
#define BPF_ABI_H

#ifdef __bpf__
#include <linux/types.h>
#define uint8_t	 __u8
#define uint32_t __u32
#define uint64_t __u64
#else
#include <stdint.h>
#endif

#define STATE_MAGIC   0x65746174736c7461ull /* "atlstate" in memory */
#define STATE_VERSION 3

/* Limits of the capacities that a header names. */
#define STATE_WORKERS_MAX 256
#define STATE_SLOTS_MAX	  1048576

enum state_backing {
	STATE_BACKING_NONE,
	STATE_BACKING_BPF,
	STATE_BACKING_FILE,
};

/* One byte each: the structs are small. */
enum state_role {
	STATE_UNUSED, /* nobody has the slot */
	STATE_SERVER,
	STATE_CLIENT,
} __attribute__((packed));

/* Who makes the records of one direction of a session. */
enum state_wire {
	STATE_WIRE_PLAIN,   /* nobody: plain TCP */
	STATE_WIRE_SSL,	    /* OpenSSL */
	STATE_WIRE_RECORDS, /* the daemon */
	STATE_WIRE_KERNEL,  /* kernel TLS */
} __attribute__((packed));

/* Who moves payload. */
enum state_engine {
	STATE_ENGINE_AUTO, /* not decided */
	STATE_ENGINE_COPY,
	STATE_ENGINE_SPLICE,
	STATE_ENGINE_SOCKMAP,
} __attribute__((packed));

#define STATE_TAG_MAX	 12
#define STATE_USER_MAX	 32
#define STATE_PEER_MAX	 56
#define STATE_BOUND_MAX	 24
#define STATE_CIPHER_MAX 32
#define STATE_WHY_MAX	 44
#define STATE_DST_MAX	 72

/* One element. */
struct state_header {
	uint64_t magic;
	uint32_t version;
	uint32_t live;		/* 1 until a clean end; a crash leaves it */
	uint64_t generation;	/* another one each time that a daemon starts */
	uint64_t start_wall_ms; /* since 1970 */
	uint64_t start_ms;
	uint64_t beat_ms; /* when counters and what is "now" were written last: once a second */
	uint32_t pid;	  /* in the daemon's own namespace */
	enum state_backing backing;
	uint32_t workers;  /* elements */
	uint32_t sessions; /* elements; worker i of n has those from i * sessions / n on */
	uint32_t streams;  /* the same */
	uint32_t header_size, worker_size, session_size, stream_size;
	uint32_t kernel_tls_off; /* new sessions stay away from kernel TLS */
	uint32_t draining;
	uint32_t connections_now; /* at anytls inbounds, those not logged in included */
	uint32_t handshakes_now;
	uint32_t local_now; /* connections of local inbounds */
	uint32_t udp_now;   /* UDP associations */
	uint32_t busy_now;  /* what a drain waits for */
	char name[40];	    /* the instance's */
	char program[32];   /* "anytlsd 0.1.0" */
};

/* One a worker; each counts from the daemon's start on. */
struct state_counters {
	uint64_t connections; /* accepted by any inbound */
	uint64_t handshakes_failed, auth_failed, fallbacks;
	uint64_t sessions; /* authenticated, server role */
	uint64_t streams, streams_refused, streams_reset;
	uint64_t bytes_up, bytes_down; /* payload of streams that have ended */
	uint64_t client_sessions, client_retries;
	uint64_t udp_sent, udp_dropped;
	uint64_t udp_captured, udp_answered; /* datagrams of captured flows: from and to clients */
	uint64_t udp_flows, udp_evicted;     /* captured: begun, ended early to make a place */
	uint64_t sessions_kernel_tx, sessions_kernel_rx; /* handed to kernel TLS */
	uint64_t kernel_refused;			 /* sessions that the kernel did not take */
	uint64_t streams_spliced, streams_sockmap;	 /* which began to use that engine */
	uint64_t bytes_copied_up, bytes_copied_down;
	uint64_t bytes_spliced_up, bytes_spliced_down;
	uint64_t bytes_sockmap_up, bytes_sockmap_down;
	uint64_t pipes;					/* open, when last looked: each 15 s */
	uint64_t sessions_not_shown, streams_not_shown; /* there was no free slot */
};

/* An authenticated session of either role. */
struct state_session {
	uint32_t seq;
	enum state_role role;
	enum state_wire wire_in, wire_out;
	enum state_engine engine;
	uint32_t streams_now, streams_ever;
	uint64_t bytes_in, bytes_out; /* AnyTLS bytes of the wire: frames with their headers */
	uint64_t queued;	      /* bytes that destinations have not taken */
	uint64_t start_ms;
	uint64_t active_ms;	     /* when the peer was heard last */
	char tag[STATE_TAG_MAX];     /* "s12" or "c3", as in the log */
	char user[STATE_USER_MAX];   /* server: who logged in */
	char peer[STATE_PEER_MAX];   /* its address and port; client: the server's, as configured */
	char bound[STATE_BOUND_MAX]; /* tag of the inbound (server) or outbound (client) */
	char cipher[STATE_CIPHER_MAX];
	char why[STATE_WHY_MAX]; /* why no faster engine; empty: there is no reason to give */
};

/* A stream of a session; it may outlive it for a moment. */
struct state_stream {
	uint32_t seq;
	enum state_role role; /* the session's */
	enum state_engine engine;
	uint8_t reserved[2];
	uint32_t id; /* in the session */
	uint32_t reserved2;
	uint64_t start_ms;
	uint64_t queued; /* bytes that its destination has not taken */
	/* payload by engine: towards the server, from the server */
	uint64_t copied_up, copied_down;
	uint64_t spliced_up, spliced_down;
	uint64_t sockmap_up, sockmap_down;
	char session[STATE_TAG_MAX];	 /* its tag */
	char source[STATE_PEER_MAX];	 /* address and port of who asks; empty: unknown */
	char destination[STATE_DST_MAX]; /* "example.org:443"; empty before it is known */
	char why[STATE_WHY_MAX - 16];
};

_Static_assert(sizeof(struct state_header) == 184, "fixed");
_Static_assert(sizeof(struct state_counters) == 32 * 8, "fixed");
_Static_assert(sizeof(struct state_session) == 256, "fixed");
_Static_assert(sizeof(struct state_stream) == 248, "fixed");

#endif
