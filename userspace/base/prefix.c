// SPDX-License-Identifier: GPL-2.0-or-later
// Prefixes: text, containment, order.
#include "base/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned bits_of(uint8_t family)
{
	return family == AF_INET ? 32 : 128;
}

static void clear_host_bits(struct prefix *p)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (rest)
		p->ip[whole] &= (uint8_t)(0xff00 >> rest);
	if (whole < sizeof(p->ip))
		memset(p->ip + whole + (rest > 0), 0, sizeof(p->ip) - whole - (rest > 0));
}

static void unmap(struct prefix *p)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (p->family != AF_INET6 || p->len < 96 || memcmp(p->ip, mapped, sizeof(mapped)) != 0)
		return;
	p->family = AF_INET;
	p->len = (uint8_t)(p->len - 96);
	memmove(p->ip, p->ip + 12, 4);
	memset(p->ip + 4, 0, 12);
}

/* "24" of "/24": digits only, no leading zero, within the family. -1 otherwise. */
static int parse_bits(const char *text, unsigned max)
{
	size_t n = strlen(text);
	int bits;

	if (n < 1 || n > 3 || strspn(text, "0123456789") != n || (n > 1 && *text == '0'))
		return -1;
	bits = atoi(text);
	return bits <= (int)max ? bits : -1;
}

int prefix_parse(const char *text, size_t n, struct prefix *ret)
{
	char copy[PREFIX_TEXT_MAX], *slash;
	struct prefix p = { 0 };
	int bits;

	if (n >= sizeof(copy) || memchr(text, '\0', n))
		return -EINVAL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	p.family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(p.family, copy, p.ip) != 1)
		return -EINVAL;
	bits = slash ? parse_bits(slash, bits_of(p.family)) : (int)bits_of(p.family);
	if (bits < 0)
		return -EINVAL;
	p.len = (uint8_t)bits;
	clear_host_bits(&p);
	unmap(&p);
	*ret = p;
	return 0;
}

struct prefix prefix_of(const uint8_t *ip, size_t n)
{
	struct prefix p = { .family = n == 4 ? AF_INET : AF_INET6, .len = (uint8_t)(n * 8) };

	memcpy(p.ip, ip, n);
	unmap(&p);
	return p;
}

const char *prefix_text(const struct prefix *p, char out[static PREFIX_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN];

	if (!inet_ntop(p->family, p->ip, ip, sizeof(ip)))
		return strcpy(out, "none");
	snprintf(out, PREFIX_TEXT_MAX, "%s/%u", ip, p->len);
	return out;
}

bool prefix_has(const struct prefix *p, const uint8_t *ip, size_t n)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (!p->family || n != bits_of(p->family) / 8 || memcmp(p->ip, ip, whole) != 0)
		return false;
	return !rest || ((p->ip[whole] ^ ip[whole]) >> (8 - rest)) == 0;
}

int prefix_compare(const void *a, const void *b)
{
	const struct prefix *p = a, *q = b;
	int order = (p->family > q->family) - (p->family < q->family);

	if (!order)
		order = memcmp(p->ip, q->ip, sizeof(p->ip));
	return order ? order : p->len - q->len;
}
