// SPDX-License-Identifier: GPL-2.0-or-later
// Hosts, addresses, tags, types: the values that name something.
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"
#include "app/config_seen.h"

#define HOST_MAX 253

static bool is_ip(const char *text)
{
	uint8_t raw[16];

	return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

bool config_is_host(const char *text)
{
	size_t n = strlen(text);

	if (is_ip(text))
		return true;
	return n > 0 && n <= HOST_MAX && text[0] != '.' && text[0] != '-' && !strstr(text, "..") &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       n;
}

bool config_parse_ip(const char *text, uint16_t port, union sockaddr_any *ret)
{
	union sockaddr_any a = { 0 };

	if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
	} else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
	} else {
		return false;
	}
	*ret = a;
	return true;
}

void config_read_host(struct config_reader *r, struct config_ref v, const struct config_row *row,
		      void *field)
{
	char *text;

	(void)row;
	if (!config_read_string(r, v, 1, CONFIG_TEXT_MAX, &text))
		return;
	if (config_is_host(text)) {
		config_set(field, text);
		return;
	}
	config_error(&r->report, v.n,
		     "\"%s\" is no host name and no IP address (without brackets and port; names "
		     "beyond ASCII in their xn-- form)",
		     ECHO(text));
	free(text);
}

/* inet4_bind_address (row->max is 4), inet6_bind_address (6), or either (0). */
void config_read_ip(struct config_reader *r, struct config_ref v, const struct config_row *row,
		    void *field)
{
	static const char *const what[] = { [0] = "IP", [4] = "IPv4", [6] = "IPv6" };
	sa_family_t family = row->max == 4 ? AF_INET : row->max == 6 ? AF_INET6 : AF_UNSPEC;
	union sockaddr_any a;

	if (!config_want(r, v, JSON_STRING))
		return;
	if (config_parse_ip(json_string_value(v.v), 0, &a) &&
	    (family == AF_UNSPEC || a.sa.sa_family == family))
		*(union sockaddr_any *)field = a;
	else
		config_error(&r->report, v.n, "must be an %s address, not \"%s\"", what[row->max],
			     ECHO(json_string_value(v.v)));
}

/* routing_mark: a number, or its text in C's notation. */
void config_read_mark(struct config_reader *r, struct config_ref v, const struct config_row *row,
		      void *field)
{
	const char *text = json_string_value(v.v);
	unsigned long x;
	uint64_t number;
	char *end;

	(void)row;
	if (!text) {
		if (config_read_uint(r, v, 0, UINT32_MAX, &number))
			*(uint32_t *)field = (uint32_t)number;
		return;
	}
	errno = 0;
	x = strtoul(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end || errno || x > UINT32_MAX)
		config_error(&r->report, v.n,
			     "must be a number such as 255 or \"0xff\", not \"%s\"", ECHO(text));
	else
		*(uint32_t *)field = (uint32_t)x;
}

int config_read_type(struct config_reader *r, struct config_ref v, const char *const *names,
		     const struct config_type_hint *hints)
{
	struct config_ref type;
	const char *text;

	if (!config_want(r, v, JSON_OBJECT))
		return -1;
	type = config_member(v, "type");
	if (!type.v) {
		config_error(&r->report, v.n, "\"type\" is missing");
		return -1;
	}
	if (!config_want(r, type, JSON_STRING))
		return -1;
	text = json_string_value(type.v);
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	for (; hints->type; hints++)
		if (strcmp(hints->type, text) == 0) {
			config_error(&r->report, type.n, "type \"%s\" is not supported: %s", text,
				     hints->hint);
			return -1;
		}
	config_error(&r->report, type.n, "unknown type \"%s\"", ECHO(text));
	return -1;
}

bool config_want_bounds(struct config_reader *r, struct config_ref v)
{
	if (!config_want(r, v, JSON_ARRAY))
		return false;
	if (json_array_size(v.v) <= CONFIG_BOUNDS_MAX)
		return true;
	config_error(&r->report, v.n, "more than %d", CONFIG_BOUNDS_MAX);
	return false;
}

static char **tag_of(const struct config_tags *t, size_t i)
{
	return (char **)((char *)t->objects + i * t->size + t->off);
}

/* A tag for object i that nobody has. */
static void make_tag(struct config_reader *r, struct config_seen **seen,
		     const struct config_tags *t, size_t i)
{
	const char *kind = t->kind((char *)t->objects + i * t->size);
	const void *taken = NULL;
	char *tag = NULL;
	int n = 1;

	do {
		taken = NULL;
		free(tag);
		tag = NULL;
		if ((n == 1 ? asprintf(&tag, "%s-%s", kind, t->suffix)
			    : asprintf(&tag, "%s-%s-%d", kind, t->suffix, n)) < 0) {
			r->oom = true;
			return;
		}
		if (config_seen_add(seen, tag, strlen(tag), t, &taken) < 0)
			r->oom = true;
		n++;
	} while (taken);
	*tag_of(t, i) = tag;
}

void config_settle_tags(struct config_reader *r, struct config_ref array,
			const struct config_tags *t)
{
	struct config_list l = config_list_start(array);
	struct config_seen *seen = NULL;

	for (; l.item.v && l.i < t->n; config_list_next(&l)) {
		const struct config_node *earlier = NULL;
		char *tag = *tag_of(t, l.i);

		if (tag &&
		    config_seen_add(&seen, tag, strlen(tag), l.item.n, (const void **)&earlier) < 0)
			r->oom = true;
		if (earlier)
			config_error(&r->report, config_member(l.item, "tag").n,
				     "\"%s\" is the tag of number %zu already", ECHO(tag),
				     earlier->index + 1);
	}
	for (size_t i = 0; i < t->n; i++)
		if (!*tag_of(t, i))
			make_tag(r, &seen, t, i);
	config_seen_free(&seen);
}
