// SPDX-License-Identifier: GPL-2.0-or-later
// From one form of an address to the other.
#include "app/addr_forms.h"

#include <string.h>

void addr_from_sockaddr(const union sockaddr_any *sa, struct addr *ret)
{
	size_t n;
	const uint8_t *ip = sockaddr_ip(sa, &n);

	ret->type = n == 4 ? ADDR_IPV4 : ADDR_IPV6;
	ret->name_len = 0;
	ret->port = sockaddr_port(sa);
	memcpy(ret->ip6, ip, n);
}

bool addr_to_sockaddr(const struct addr *a, union sockaddr_any *ret)
{
	if (a->type != ADDR_IPV4 && a->type != ADDR_IPV6)
		return false;
	sockaddr_set(ret, a->ip6, a->type == ADDR_IPV4 ? 4 : 16, a->port);
	return true;
}
