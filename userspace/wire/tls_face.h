/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What strangers see of a server's TLS: the policy of Debian's nginx. */
#ifndef WIRE_TLS_FACE_H
#define WIRE_TLS_FACE_H

#include "wire/tls_common.h"

/* The suites up to TLS 1.2 where the operator names none; those of TLS 1.3 are OpenSSL's. */
#define TLS_FACE_CIPHERS "HIGH:!aNULL:!MD5"

/* Options, session identifiers and tickets. 0, or -EINVAL with a reason. */
int tls_face_set(SSL_CTX *ctx, const struct tls_why *why);

/* As tls_alpn_list(); who names http/1.1 also takes http/1.0 and http/0.9, last of all. */
int tls_face_alpn(const char *const *alpn, size_t n, uint8_t **ret_list, size_t *ret_len,
		  const struct tls_why *why);

#endif
