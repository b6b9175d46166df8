// SPDX-License-Identifier: GPL-2.0-or-later
// Captured flows that would go round in a circle.
#include <string.h>

#include "app/transparent.h"
#include "base/fd.h"

/*
 * Whether this machine has the address: whether a socket can be bound to it (with
 * net.ipv4.ip_nonlocal_bind that is always so). Asked for flows only that are suspicious already.
 */
static bool is_own(const uint8_t *ip, size_t n)
{
	union sockaddr_any a;
	bool own;
	int fd;

	sockaddr_set(&a, ip, n, 0);
	fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	own = fd >= 0 && bind(fd, &a.sa, sockaddr_len(&a)) == 0;
	fd_close(fd);
	return own;
}

static bool is_own_source(const union sockaddr_any *src)
{
	size_t n;
	const uint8_t *ip;

	if (src->sa.sa_family != AF_INET && src->sa.sa_family != AF_INET6)
		return false;
	ip = sockaddr_ip(src, &n);
	return is_own(ip, n);
}

/* Where a tunnel goes, as far as that is written as an address. */
static bool is_server(const struct config *c, const struct addr *dst)
{
	for (size_t i = 0; i < c->n_outbounds; i++) {
		const struct config_outbound *o = &c->outbounds[i];
		struct addr server;

		if (o->type == OUTBOUND_ANYTLS && o->server_port == dst->port &&
		    addr_from_host(o->server, strlen(o->server), o->server_port, &server) == 0 &&
		    addr_equal(&server, dst))
			return true;
	}
	return false;
}

bool transparent_loops(const struct transparent *t, const union sockaddr_any *src,
		       const struct addr *dst, const char **why)
{
	if (dst->type != ADDR_IPV4 && dst->type != ADDR_IPV6)
		return false;
	if (dst->port == sockaddr_port(&t->in.config->listen) &&
	    is_own(dst->ip6, dst->type == ADDR_IPV4 ? 4 : 16)) {
		*why = "it was sent to listen_port itself, nothing has captured it";
		return true;
	}
	if (is_server(t->in.w->config, dst) && is_own_source(src)) {
		*why = "this machine's own connection to the server of an outbound was captured; "
		       "check that the rules spare steering.own_mark, or put the server into "
		       "bypass";
		return true;
	}
	return false;
}
