/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Captured DNS questions, which one resolver behind the outbound answers in the name of those that
 * were asked. */
#ifndef APP_DNS_HIJACK_H
#define APP_DNS_HIJACK_H

#include "app/transparent_udp.h"

/*
 * All clients of a worker share an association with each outbound; ids tell their questions apart.
 * NULL without memory.
 */
struct dns_hijack *dns_hijack_new(struct transparent_udp *u);
void dns_hijack_free(struct dns_hijack *h); /* NULL is ignored */

/* A captured datagram to port 53: goes to the resolver with another id, or is dropped and counted.
 * The id in it is changed. */
void dns_hijack_ask(struct dns_hijack *h, const struct datagram *d);

#endif
