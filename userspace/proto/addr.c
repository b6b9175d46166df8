// SPDX-License-Identifier: GPL-2.0-or-later
// Destinations from and to the wire and text.
#include "proto/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/be.h"

static const uint8_t type_numbers[][3] = {
	[ADDR_SOCKS] = { 1, 3, 4 },
	[ADDR_UOT] = { 0, 2, 1 },
};
static const uint8_t types[3] = { ADDR_IPV4, ADDR_NAME, ADDR_IPV6 };

static enum addr_type type_of(enum addr_form form, uint8_t number)
{
	for (int i = 0; i < 3; i++)
		if (type_numbers[form][i] == number)
			return types[i];
	return ADDR_NONE;
}

static uint8_t number_of(enum addr_form form, enum addr_type type)
{
	for (int i = 1; i < 3; i++)
		if (types[i] == type)
			return type_numbers[form][i];
	return type_numbers[form][0];
}

static void set_ip6(struct addr *a, const uint8_t ip6[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(ip6, mapped, sizeof(mapped)) == 0) {
		a->type = ADDR_IPV4;
		memcpy(a->ip4, ip6 + sizeof(mapped), 4);
	} else {
		a->type = ADDR_IPV6;
		memcpy(a->ip6, ip6, 16);
	}
}

/* n is 1..255 and the name has no NUL byte. */
static void set_name(struct addr *a, const void *name, size_t n)
{
	uint8_t ip[16];

	a->type = ADDR_NAME;
	a->name_len = (uint8_t)n;
	memcpy(a->name, name, n);
	a->name[n] = '\0';
	if (inet_pton(AF_INET, a->name, ip) == 1) {
		*a = (struct addr){ .type = ADDR_IPV4, .port = a->port };
		memcpy(a->ip4, ip, 4);
	} else if (inet_pton(AF_INET6, a->name, ip) == 1) {
		*a = (struct addr){ .port = a->port };
		set_ip6(a, ip);
	}
}

/* Checks as much of a name as is there: its length byte and what follows. */
static bool name_is_bad(const uint8_t *p, size_t n)
{
	size_t have = n - 1 < p[0] ? n - 1 : p[0];

	return p[0] == 0 || memchr(p + 1, 0, have);
}

ssize_t addr_parse(enum addr_form form, const uint8_t *p, size_t n, struct addr *ret)
{
	struct addr a = { .type = ADDR_NONE };
	enum addr_type type;
	size_t len;

	if (n == 0)
		return 0;
	type = type_of(form, p[0]);
	if (type == ADDR_NONE || (type == ADDR_NAME && n >= 2 && name_is_bad(p + 1, n - 1)))
		return -EPROTO;
	if (type == ADDR_NAME && n < 2)
		return 0;
	len = type == ADDR_IPV4 ? 4 : type == ADDR_IPV6 ? 16 : 1 + (size_t)p[1];
	if (n - 1 < len + 2)
		return 0;
	a.port = get_be16(p + 1 + len);
	if (type == ADDR_NAME) {
		set_name(&a, p + 2, len - 1);
	} else if (type == ADDR_IPV6) {
		set_ip6(&a, p + 1);
	} else {
		a.type = ADDR_IPV4;
		memcpy(a.ip4, p + 1, 4);
	}
	*ret = a;
	return (ssize_t)(1 + len + 2);
}

size_t addr_put(enum addr_form form, uint8_t *p, const struct addr *a)
{
	static const uint8_t any[4];
	uint8_t *out = p;

	*out++ = number_of(form, a->type);
	if (a->type == ADDR_NAME) {
		*out++ = a->name_len;
		memcpy(out, a->name, a->name_len);
		out += a->name_len;
	} else if (a->type == ADDR_IPV6) {
		memcpy(out, a->ip6, 16);
		out += 16;
	} else {
		memcpy(out, a->type == ADDR_IPV4 ? a->ip4 : any, 4);
		out += 4;
	}
	put_be16(out, a->port);
	return (size_t)(out + 2 - p);
}

int addr_from_host(const char *host, size_t n, uint16_t port, struct addr *ret)
{
	struct addr a = { .port = port };

	if (n == 0 || n > 255 || memchr(host, 0, n))
		return -EINVAL;
	set_name(&a, host, n);
	*ret = a;
	return 0;
}

/* Decimal digits of a number below 100000; returns where they end. */
static char *put_number(char *p, unsigned n)
{
	char digits[5];
	size_t k = sizeof(digits);

	do {
		digits[--k] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	memcpy(p, digits + k, sizeof(digits) - k);
	return p + sizeof(digits) - k;
}

static char *put_ip4(char *p, const uint8_t ip[static 4])
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		p = put_number(p, ip[i]);
	}
	return p;
}

/* Without printf(): each stream shows its destination, and that was most of what it cost. */
const char *addr_text(const struct addr *a, char out[static ADDR_TEXT_MAX])
{
	char *p = out;

	if (a->type == ADDR_NAME) {
		p += strnlen(a->name, sizeof(a->name) - 1);
		memcpy(out, a->name, (size_t)(p - out));
	} else if (a->type == ADDR_IPV6) {
		*p++ = '[';
		inet_ntop(AF_INET6, a->ip6, p, INET6_ADDRSTRLEN);
		p += strlen(p);
		*p++ = ']';
	} else if (a->type == ADDR_IPV4) {
		p = put_ip4(out, a->ip4);
	} else {
		return strcpy(out, "none");
	}
	*p++ = ':';
	*put_number(p, a->port) = '\0';
	return out;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->type != b->type || a->port != b->port)
		return false;
	switch ((enum addr_type)a->type) {
	case ADDR_IPV4:
		return memcmp(a->ip4, b->ip4, 4) == 0;
	case ADDR_IPV6:
		return memcmp(a->ip6, b->ip6, 16) == 0;
	case ADDR_NAME:
		return a->name_len == b->name_len &&
		       strncasecmp(a->name, b->name, a->name_len) == 0;
	case ADDR_NONE:
		break;
	}
	return true;
}
