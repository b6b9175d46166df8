/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a client takes the server to be: trust anchors, name, pins, and why it refused. */
#ifndef WIRE_TLS_VERIFY_H
#define WIRE_TLS_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "wire/tls_client.h"
#include "wire/tls_common.h"

/* Must live as long as the context; zero-initialised is empty. */
struct tls_verify {
	char *name; /* without a dot at its end; NULL: none given */
	bool is_ip, insecure;
	uint8_t (*pins)[32];
	size_t n_pins;
};

/*
 * Sets up v, and ctx to check certificates by it. 0, or -EINVAL / -ENOMEM with a reason; v is to be
 * released in either case. tls_client_refusal() tells afterwards why a certificate was refused.
 */
int tls_verify_init(struct tls_verify *v, SSL_CTX *ctx, const struct tls_client_opts *opts,
		    const struct tls_why *why);
void tls_verify_done(struct tls_verify *v);

#endif
