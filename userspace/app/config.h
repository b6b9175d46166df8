/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration as the program uses it: plain values, checked, with every default filled in.
 * Key names and value forms are sing-box's (docs/CONFIGURATION.md lists ours). Built once by
 * config_load(), constant afterwards, shared by all threads.
 */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "base/prefix.h"
#include "bpf/abi.h"
#include "datapath/engine.h"
#include "io/sockaddr.h"
#include "net/plan.h"
#include "net/steer.h"
#include "proto/addr.h"

/* One certificate chain and key: as files (watched for changes) or as PEM text. */
struct config_keypair {
	char *cert_path, *key_path; /* NULL where given inline */
	char *cert_pem,
		*key_pem; /* always set: read at load; key_pem in secret memory is not required */
};

/* Whether the kernel makes, or opens, the records of a session. */
enum config_kernel {
	CONFIG_KERNEL_AUTO, /* where it is the cheaper way; see kernel_offer.h */
	CONFIG_KERNEL_OFF,
	CONFIG_KERNEL_REQUIRED,
};

struct config_tls {
	bool enabled;
	enum config_kernel kernel_tx, kernel_rx;
	/* inbound: the first pair is the object's own, the others come from "certificates": [{...}]
	 * (ours: several certificates by name); outbound: at most one, the client certificate */
	struct config_keypair *pairs;
	size_t n_pairs;
	char *server_name; /* NULL: none */
	bool disable_sni, insecure;
	char *ca_pem; /* outbound: certificate / certificate_path */
	char **alpn;
	size_t n_alpn;
	int min_version, max_version; /* TLS1_2_VERSION, ...; 0: default */
	char *cipher_suites;	      /* OpenSSL names joined by ':', or NULL */
	char *groups;		      /* "X25519:P-256", or NULL */
	uint8_t (*pins)[32];
	size_t n_pins;
};

/* "server" and "server_port": where the bytes of those who are no users go. */
struct config_target {
	char *host; /* NULL: not configured */
	uint16_t port;
};

struct config_alpn_target {
	char *alpn;
	struct config_target target;
};

struct config_user {
	char *name;	  /* "" where it has none */
	uint8_t hash[32]; /* anytls: SHA-256 of the password */
	char *password;	  /* socks: the password; anytls: NULL (only the hash is kept) */
};

enum inbound_type { INBOUND_ANYTLS, INBOUND_SOCKS, INBOUND_TRANSPARENT };

/* A transparent inbound; sing-box's types "tproxy" and "redirect" are ones without a set-up. */
struct config_transparent {
	struct plan plan;    /* what is captured, and how; bypass lists without those of files */
	bool set_up;	     /* at the start; false: by anytlsctl, or by the operator */
	bool foreign;	     /* sing-box's types: the operator's rules, with marks of his */
	char **bypass_files; /* of prefixes; their lists are added to plan.bypass */
	size_t n_bypass_files;
	struct addr hijack_dns; /* where port 53 goes instead; type ADDR_NONE: where it says */
	bool sniff;		/* look for a name in the first bytes, for rules */
	uint32_t sniff_timeout_ms;
};

struct config_inbound {
	enum inbound_type type;
	char *tag;
	union sockaddr_any listen; /* with its port */
	struct config_user *users;
	size_t n_users;
	uint32_t udp_timeout_ms; /* default 5 min */
	enum relay_engine datapath;
	/* anytls */
	char *padding_scheme; /* wire text; never NULL */
	struct config_tls tls;
	struct config_target fallback, fallback_tls;
	struct config_alpn_target *fallback_for_alpn;
	size_t n_fallback_for_alpn;
	struct steer_ports *steer_ports; /* more ports that lead here, by sk_lookup */
	size_t n_steer_ports;
	struct prefix_list steer_addresses; /* on these only; empty: on all own ones */
	/* transparent */
	struct config_transparent transparent;
};

enum outbound_type { OUTBOUND_DIRECT, OUTBOUND_BLOCK, OUTBOUND_ANYTLS };

/* Dial fields, as in sing-box. */
struct config_dial {
	char *bind_interface; /* NULL: none */
	union sockaddr_any bind4,
		bind6; /* inet4_bind_address, inet6_bind_address; family 0: none */
	uint32_t routing_mark;
	uint32_t connect_timeout_ms; /* default 5 s */
	uint32_t fallback_delay_ms;  /* default 250 */
};

struct config_outbound {
	enum outbound_type type;
	char *tag;
	struct config_dial dial;
	enum relay_engine datapath;
	/* anytls */
	char *server;
	uint16_t server_port;
	uint8_t hash[32];			 /* SHA-256 of the password */
	uint32_t idle_check_ms, idle_timeout_ms; /* default 30 s each */
	uint32_t min_idle;			 /* default 0; over all workers */
	bool disable_reuse;			 /* "disable_session_reuse" (ours) */
	char *client_metadata; /* Settings "client" value; default "anytlsd/VERSION" */
	struct config_tls tls;
};

/* Our own top-level object "limits". Totals are for the whole process. */
struct config_limits {
	uint32_t sessions;		   /* server sessions, default 16384 */
	uint32_t streams_per_session;	   /* default 1024 */
	uint32_t stream_buffer;		   /* bytes, default 2 MiB */
	uint32_t session_buffer;	   /* bytes, default 8 MiB */
	uint64_t worker_buffer;		   /* bytes, default 256 MiB */
	uint32_t handshakes;		   /* in flight, default 1024; beyond it the oldest goes */
	uint32_t handshake_timeout_ms;	   /* 0: config_handshake_ms() decides */
	uint32_t auth_timeout_ms;	   /* default 10 s */
	uint32_t session_idle_timeout_ms;  /* server: no stream open; default 5 min, 0: never */
	uint32_t stall_timeout_ms;	   /* default 30 s */
	uint32_t ack_timeout_ms;	   /* sessions of both roles; default 60 s */
	uint32_t auth_failures_per_minute; /* per source address; default 120 */
	uint32_t udp_associations;	   /* default 4096 */
	uint32_t udp_flows; /* captured: reply sockets, default 16384; beyond it the oldest goes */
	uint32_t udp_sessions;	    /* captured: associations behind them, default 1024; likewise */
	uint32_t local_connections; /* socks inbound, default 16384 */
	uint32_t drain_timeout_ms;  /* default 10 s */
};

/* Our own top-level object "state": what other programs may see. */
struct config_state {
	bool enabled;		    /* default true */
	char *name;		    /* NULL: the program's */
	uint32_t sessions, streams; /* slots, defaults 4096 and 8192 */
	enum state_backing backing; /* STATE_BACKING_NONE: what is possible */
	char *directory;	    /* NULL: by user and name */
};

/* Our own top-level object "steering": what all inbounds that steer have in common. */
struct config_steering {
	uint32_t own_mark;     /* one bit, on all our traffic; default 0x08000000; 0: nothing is
				* captured by rules of ours */
	uint32_t capture_mark; /* another one; default 0x04000000 */
	char *directory;       /* of journals; default /run/anytlsd-steering */
	char *pins;	       /* in a bpffs; NULL: /sys/fs/bpf/anytlsd-steering */
};

/*
 * A rule of "route": an outbound for what matches all of its parts. A part that is not given
 * matches everything; of destinations (names, prefixes) one must match; of ports likewise.
 */
enum rule_action { RULE_ROUTE, RULE_REJECT, RULE_BYPASS /* never captured: part of the plans */ };

struct config_rule {
	enum rule_action action;
	size_t outbound;    /* RULE_ROUTE: index */
	uint32_t *inbounds; /* indexes */
	size_t n_inbounds;
	uint8_t network; /* IPPROTO_TCP, IPPROTO_UDP, or 0: both */
	char **users;
	size_t n_users;
	char **domains, **domain_suffixes, **domain_keywords; /* lower case */
	size_t n_domains, n_domain_suffixes, n_domain_keywords;
	struct prefix_list to, from; /* normal; without those of files */
	char **to_files, **from_files;
	size_t n_to_files, n_from_files;
	bool to_private;
	struct port_range *ports, *source_ports;
	size_t n_ports, n_source_ports;
};

struct config {
	struct log_options
		log;	   /* log.fd is 2 where no "output" is given; opened by config_load() */
	char *log_output;  /* path, "stderr", "stdout", or NULL */
	bool log_disabled; /* log.fd is /dev/null's */
	char *dns_servers; /* our "dns": {"servers": [...]} joined by ',', or NULL: the system's */
	uint32_t workers;  /* our top-level "workers"; 0: one a core */
	char *user;	   /* our top-level "user": dropped to after the ports are bound, or NULL */
	struct config_limits limits;
	struct config_state state;
	struct config_inbound *inbounds;
	size_t n_inbounds;
	struct config_outbound
		*outbounds; /* at least one: a direct one is made up where none is given */
	size_t n_outbounds;
	size_t final_outbound; /* index */
	uint32_t default_mark; /* of outbounds that have none; part of their dial fields already */
	struct config_rule *rules;
	size_t n_rules;
	struct config_steering steering;
};

/*
 * Reads a file. Every problem is printed to `report`, one line each, "FILE:LINE:COLUMN: KEY.PATH:
 * what", at most 50 of them, echoed values cut to 40 bytes and never a password; notes
 * ("padding_scheme: short form translated to ...") likewise as "FILE:LINE:COLUMN: note: KEY.PATH:
 * what". 0 and *ret, or -EINVAL (problems were printed), -errno (unreadable: printed as well).
 */
int config_load(const char *path, FILE *report, struct config **ret);
/* The same without opening the log's file. */
int config_load_quietly(const char *path, FILE *report, struct config **ret);
/* The same, keeping nothing; for `check`. 0, or -errno
 * and *ret_problems is at least 1. */
int config_check(const char *path, FILE *report, unsigned *ret_problems);
/* The same from memory; `name` stands for the file's. Files that the text names are not opened:
 * each is reported as unreadable. The log's is not opened either. */
int config_parse(const char *text, size_t len, const char *name, FILE *report, struct config **ret);
/* Whether somebody else serves those who are no users. */
bool config_has_fallback(const struct config_inbound *in);
/* The time for a TLS handshake: limits.handshake_timeout, or else what a stranger may expect. */
uint32_t config_handshake_ms(const struct config_limits *lim, const struct config_inbound *in);
/* Wipes secrets, closes log.fd where config_load() opened it, and frees; NULL is ignored. */
void config_free(struct config *c);

#endif
