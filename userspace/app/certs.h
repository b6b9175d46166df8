/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificates of one inbound: read from their files again when those change. */
#ifndef APP_CERTS_H
#define APP_CERTS_H

#include "app/config.h"
#include "wire/tls_server.h"

struct certs;

/* Starts with what the configuration read. NULL and a reason where no policy can be built from it.
 */
struct certs *certs_new(const struct config_tls *tls, char *why, size_t why_len);
void certs_free(struct certs *c);

/* Builds a policy from the current certificates; all of them share the ticket keys. Any thread.
 * NULL and a reason. */
struct tls_server *certs_build(struct certs *c, char *why, size_t why_len);

/*
 * Control thread: 1 where a file changed and the new set is good and current now, 0 where nothing
 * changed, -EINVAL where a changed set cannot be used (reason in why; the old one stays).
 */
int certs_refresh(struct certs *c, char *why, size_t why_len);

#endif
