/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What listens: one shared part for all threads, one instance a worker. */
#ifndef APP_INBOUND_H
#define APP_INBOUND_H

#include "app/worker.h"
#include "io/listener.h"

struct inbound_ops {
	/* Connections of another worker's listener, handed over unread. NULL where that does not
	 * happen. */
	void (*adopt)(struct inbound *in, int fd);
	/* No more connections; what is idle is closed, the rest goes on. */
	void (*drain)(struct inbound *in);
	/* The certificates changed. NULL without TLS. */
	void (*reload)(struct inbound *in);
	void (*free)(struct inbound *in);
};

struct inbound {
	const struct inbound_ops *ops;
	const struct config_inbound *config;
	struct inbound_shared *shared;
	struct worker *w;
	unsigned index; /* in the configuration */
	struct listener *listener;
	struct listener_sink sink;
};

/* What the instances share. NULL and a reason on failure. */
struct inbound_shared *server_shared_new(const struct config_inbound *c, const struct config *all,
					 char *why, size_t why_len);
void server_shared_free(struct inbound_shared *s);
/*
 * Control thread: reads the certificate files again if one of them changed. true where the workers
 * have to reload; otherwise *ret_why is NULL (nothing changed) or says why the old ones stay.
 */
bool server_shared_refresh(struct inbound_shared *s, char *why, size_t why_len);

/* One instance; takes over the listening descriptor. NULL and a reason on failure. */
struct inbound *server_new(struct worker *w, const struct config_inbound *c,
			   struct inbound_shared *shared, int fd, char *why, size_t why_len);
struct inbound *socks_new(struct worker *w, const struct config_inbound *c, int fd, char *why,
			  size_t why_len);
/* fd (listening, as listener_bind() makes it) or udp_fd is -1 where that is not captured. Takes
 * over both, also on failure. */
struct inbound *transparent_new(struct worker *w, const struct config_inbound *c, int fd,
				int udp_fd, char *why, size_t why_len);

#endif
