// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses of name servers, with or without a port.
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"

#define DNS_PORT 53

bool config_normal_server(const char *text, char *out, size_t room)
{
	union sockaddr_any a;
	char host[INET6_ADDRSTRLEN + 2];
	const char *bracket = *text == '[' ? strchr(text, ']') : NULL;
	const char *colon = strrchr(bracket ? bracket : text, ':');
	unsigned long port = DNS_PORT;
	size_t n;

	if (!bracket && config_parse_ip(text, 0, &a)) {
		snprintf(out, room, a.sa.sa_family == AF_INET6 ? "[%s]:%d" : "%s:%d", text,
			 DNS_PORT);
		return true;
	}
	if (bracket)
		colon = bracket[1] == ':' ? bracket + 1 : NULL;
	if (bracket && !colon && bracket[1])
		return false;
	if (colon) {
		if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5)
			return false;
		port = strtoul(colon + 1, NULL, 10);
	}
	n = (size_t)((bracket ? bracket : colon ? colon : text) - text) - (bracket ? 1 : 0);
	if (port < 1 || port > 65535 || n == 0 || n >= sizeof(host))
		return false;
	memcpy(host, text + (bracket ? 1 : 0), n);
	host[n] = '\0';
	if (!config_parse_ip(host, 0, &a) || (a.sa.sa_family == AF_INET6) != (bracket != NULL))
		return false;
	snprintf(out, room, bracket ? "[%s]:%lu" : "%s:%lu", host, port);
	return true;
}

int config_parse_server(const char *normal, struct addr *ret)
{
	const char *colon = strrchr(normal, ':');
	bool v6 = *normal == '[';

	if (!colon || colon < normal + (v6 ? 3 : 1))
		return -EINVAL;
	return addr_from_host(normal + v6, (size_t)(colon - normal) - (v6 ? 2 : 0),
			      (uint16_t)atoi(colon + 1), ret);
}
