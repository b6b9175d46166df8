/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TLS handshake on a non-blocking socket, record by record: not one byte beyond the handshake is
 * taken from the socket, so whoever carries the session on starts at a record boundary.
 */
#ifndef WIRE_HANDSHAKE_H
#define WIRE_HANDSHAKE_H

#include "wire/tls_client.h"
#include "wire/tls_server.h"
#include "wire/wire.h"

struct handshake;

/* Take over fd when they succeed. NULL without memory. `sh`, `server`, `client` must outlive it. */
struct handshake *handshake_accept(struct wire_shared *sh, int fd, struct tls_server *server);
struct handshake *handshake_connect(struct wire_shared *sh, int fd, struct tls_client *client);

/*
 * Goes on as far as the socket allows; call it first at once and then on every edge.
 * 0: done. -EAGAIN: waits for the socket. -ECONNRESET: the peer is gone. -EPROTO: failed, and what
 * TLS has to say about it (the alert) was sent; handshake_why() tells.
 */
int handshake_step(struct handshake *h);

/* Why the handshake failed: one line for the log, valid until handshake_free(). */
const char *handshake_why(const struct handshake *h);
/* The protocol agreed on by ALPN, empty when there is none; *ret_len bytes, not terminated. */
const char *handshake_alpn(const struct handshake *h, size_t *ret_len);

/* After 0: turns it into a wire and frees it. NULL without memory (it is freed all the same). */
struct wire *handshake_finish(struct handshake *h);
/* Closes the socket and frees; NULL is ignored. */
void handshake_free(struct handshake *h);
/* Descriptor to watch for EPOLLIN | EPOLLOUT. */
int handshake_fd(const struct handshake *h);

#endif
