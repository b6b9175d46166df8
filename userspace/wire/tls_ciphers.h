/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An operator's list of cipher suites. */
#ifndef WIRE_TLS_CIPHERS_H
#define WIRE_TLS_CIPHERS_H

#include "wire/tls_common.h"

/*
 * Sets the suites of both kinds from one list of OpenSSL's names, joined by ':', each kind in the
 * list's order. A kind of which the list names none is left as it is. 0, -EINVAL or -ENOMEM with a
 * reason.
 */
int tls_ciphers_set(SSL_CTX *ctx, const char *list, const struct tls_why *why);

#endif
