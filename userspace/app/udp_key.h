/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What captured datagrams are found by, in hash tables whose chains nobody outside can aim at. */
#ifndef APP_UDP_KEY_H
#define APP_UDP_KEY_H

#include <stdint.h>

#include "io/sockaddr.h"
#include "proto/addr.h"

uint32_t udp_key_hash(const void *key, size_t n);
#define HASH_FUNCTION(key, n, hash) ((hash) = udp_key_hash(key, n))
#include <uthash.h>

/* Without holes. */
struct udp_key {
	uint8_t from[16], to[16]; /* IPv4 as mapped; a link-local one with its interface in it */
	uint16_t from_port, to_port;
	uint32_t outbound; /* in place of `to` */
};

/* A client and a destination; both without IPv4-mapped ones. */
struct udp_key udp_key_flow(const union sockaddr_any *client, const union sockaddr_any *dst);
/* A client and an outbound, by its index. */
struct udp_key udp_key_association(const union sockaddr_any *client, uint32_t outbound);

/* The same address and port; IPv6 scopes count. */
bool udp_same(const union sockaddr_any *a, const union sockaddr_any *b);

#endif
