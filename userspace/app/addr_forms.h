/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address as sockets have it and as flows do. */
#ifndef APP_ADDR_FORMS_H
#define APP_ADDR_FORMS_H

#include "io/sockaddr.h"
#include "proto/addr.h"

/* An IPv4-mapped one has to be unmapped before. */
void addr_from_sockaddr(const union sockaddr_any *sa, struct addr *ret);
/* False, and nothing done, of a name. */
bool addr_to_sockaddr(const struct addr *a, union sockaddr_any *ret);

#endif
