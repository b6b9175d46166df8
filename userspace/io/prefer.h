/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which family RFC 6724 would put first. */
#ifndef IO_PREFER_H
#define IO_PREFER_H

#include <stdbool.h>

#include "io/sockaddr.h"

/*
 * Whether this IPv6 destination goes before IPv4 by the default policy table and the source address
 * that the kernel would use now. Sends nothing.
 */
bool prefer_ipv6(const union sockaddr_any *dest);

#endif
