/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules from text and flows from one line each, for tests of the routes. */
#ifndef TESTS_UNIT_ROUTE_BED_H
#define TESTS_UNIT_ROUTE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/route.h"

/* Inbounds 0 "in" (users alice, bob) and 1 "lan"; outbounds 0 "out", 1 "one", 2 "two". */
#define ROUTE_CONFIG(rules)                                                                        \
	"{\"inbounds\":[{\"type\":\"anytls\",\"tag\":\"in\",\"listen\":\"::1\",\"listen_port\":1," \
	"\"users\":[{\"name\":\"alice\",\"password\":\"a\"},{\"name\":\"bob\",\"password\":"       \
	"\"b\"}]},{\"type\":\"socks\",\"tag\":\"lan\",\"listen\":\"::1\",\"listen_port\":2}],"     \
	"\"outbounds\":[{\"type\":\"direct\",\"tag\":\"out\"},{\"type\":\"direct\",\"tag\":"       \
	"\"one\"},{\"type\":\"block\",\"tag\":\"two\"}],\"route\":{\"rules\":" rules "}}"

static inline struct config *route_config(const char *text)
{
	struct config *c = NULL;
	char *report = NULL;
	size_t n;
	FILE *f = open_memstream(&report, &n);

	assert_non_null(f);
	if (config_parse(text, strlen(text), "t", f, &c) < 0) {
		fclose(f);
		fail_msg("%s\n%s", text, report);
	}
	fclose(f);
	free(report);
	return c;
}

static inline struct route *route_made(const struct config *c)
{
	char why[200];
	struct route *r = route_new(c, why, sizeof(why));

	if (!r)
		fail_msg("%s", why);
	return r;
}

/* Of "host:port"; the port is behind the last colon. */
static inline struct addr addr_of(const char *text)
{
	const char *colon = strrchr(text, ':');
	struct addr a;

	assert_non_null(colon);
	assert_int_equal(
		addr_from_host(text, (size_t)(colon - text), (uint16_t)atoi(colon + 1), &a), 0);
	return a;
}

/* Not through struct addr, which would unmap it. */
static inline union sockaddr_any source_of(const char *text)
{
	const char *colon = strrchr(text, ':');
	union sockaddr_any sa = { 0 };
	struct prefix p;
	static const uint8_t head[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t mapped[16];
	uint16_t port = (uint16_t)atoi(colon + 1);

	assert_int_equal(prefix_parse(text, (size_t)(colon - text), &p), 0);
	memcpy(mapped, head, 12);
	memcpy(mapped + 12, p.ip, 4);
	if (strncmp(text, "::ffff:", 7) == 0)
		sockaddr_set(&sa, mapped, 16, port);
	else
		sockaddr_set(&sa, p.ip, p.family == AF_INET ? 4 : 16, port);
	return sa;
}

/* "INBOUND tcp|udp USER SOURCE DESTINATION [SNIFFED]", "-" where there is none. */
static inline struct route_verdict route_ask(const struct route *r, const char *flow)
{
	char network[8], user[64], src[64], dst[256], domain[256] = "-";
	struct route_key k = { 0 };
	union sockaddr_any from = { 0 };
	struct addr to;

	if (sscanf(flow, "%u %7s %63s %63s %255s %255s", &k.inbound, network, user, src, dst,
		   domain) < 5)
		fail_msg("\"%s\" is no flow", flow);
	k.network = strcmp(network, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	k.user = strcmp(user, "-") == 0 ? "" : user;
	to = addr_of(dst);
	k.dst = &to;
	k.domain = strcmp(domain, "-") == 0 ? NULL : domain;
	if (strcmp(src, "-") != 0)
		from = source_of(src);
	k.src = &from;
	return route_match(r, &k);
}

#endif
