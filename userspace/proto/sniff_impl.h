/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sniffing: what its parts (names, TLS, HTTP) need of each other. */
#ifndef PROTO_SNIFF_IMPL_H
#define PROTO_SNIFF_IMPL_H

#include "proto/sniff.h"

/* SNIFF_FOUND and the name in ret if p is one, else SNIFF_NONE. */
enum sniff sniff_host(const uint8_t *p, size_t n, char ret[static SNIFF_NAME_MAX + 1]);
/* n is at most SNIFF_MAX. */
enum sniff sniff_tls(const uint8_t *p, size_t n, char ret[static SNIFF_NAME_MAX + 1]);
enum sniff sniff_http(const uint8_t *p, size_t n, char ret[static SNIFF_NAME_MAX + 1]);

#endif
