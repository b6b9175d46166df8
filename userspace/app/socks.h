/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socks inbound: what its parts need of each other. */
#ifndef APP_SOCKS_H
#define APP_SOCKS_H

#include "app/local_conn.h"
#include "proto/socks5.h"

struct socks_udp;

struct socks {
	struct inbound in;
	struct list conns; /* struct socks_conn */
	struct log_limit refused;
};

#define SOCKS_DIALOGUE_MAX                                                                         \
	1024 /* the longest message is 513 bytes; what is behind it may be payload */

enum socks_phase {
	SOCKS_GREETING,
	SOCKS_USERPASS,
	SOCKS_REQUEST,
	SOCKS_CONNECTING,
	SOCKS_ASSOCIATED
};

/* One local client, until its connection is relayed or, for UDP, as long as it holds it open. */
struct socks_conn {
	struct socks *s;
	struct local_conn l;
	struct socks_udp *udp;
	enum socks_phase phase;
	uint16_t have;
	uint8_t buf[SOCKS_DIALOGUE_MAX];
	const char *user; /* in the configuration, or "" */
};

/* Reads on in what c->buf holds; may end the connection, or hand it to a relay. */
void socks_dialogue(struct socks_conn *c);
/* Ends it; the descriptor goes with it, unless it was taken. Idempotent. */
void socks_conn_done(struct socks_conn *c);

/* Starts a UDP association for the client behind a control connection; NULL without place. */
struct socks_udp *socks_udp_new(struct socks *s, int control_fd, const char *user, const char *tag,
				void (*over)(void *owner), void *owner);
/* The address that the client shall send to. */
void socks_udp_bound(const struct socks_udp *u, struct addr *ret);
/* NULL is ignored; over() does not come any more. */
void socks_udp_free(struct socks_udp *u);

#endif
