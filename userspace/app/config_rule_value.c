// SPDX-License-Identifier: GPL-2.0-or-later
// Values that rules are made of: names, prefixes, files of them, ports.
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-_."

bool config_want_some(struct config_reader *r, struct config_ref v)
{
	if (!json_is_array(v.v) || json_array_size(v.v) > 0)
		return true;
	config_error(&r->report, v.n, "must not be empty: without the key everything matches");
	return false;
}

static void to_lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* The dot at the end of "example.com." says nothing that a rule looks at. */
static bool check_name(struct config_reader *r, struct config_ref v, char *text)
{
	const char *given = json_string_value(v.v);
	union sockaddr_any ip;
	size_t n = strlen(text);

	to_lower(text);
	if (config_parse_ip(text, 0, &ip)) {
		config_error(&r->report, v.n, "\"%s\" is an address: use ip_cidr", ECHO(given));
		return false;
	}
	if (!config_is_host(text)) {
		config_error(&r->report, v.n,
			     "\"%s\" is no host name%s (names beyond ASCII in their xn-- form)",
			     ECHO(given),
			     strchr(given, '*') ? "; domain_suffix is for all names below one"
						: "");
		return false;
	}
	if (text[n - 1] == '.')
		text[n - 1] = '\0';
	return true;
}

bool config_check_domain(struct config_reader *r, struct config_ref v, char *text)
{
	return check_name(r, v, text);
}

bool config_check_suffix(struct config_reader *r, struct config_ref v, char *text)
{
	return check_name(r, v, text + (*text == '.'));
}

bool config_check_keyword(struct config_reader *r, struct config_ref v, char *text)
{
	to_lower(text);
	if (text[strspn(text, NAME_CHARS)] == '\0')
		return true;
	config_error(&r->report, v.n, "\"%s\" is no part of a host name", ECHO(text));
	return false;
}

bool config_check_list_file(struct config_reader *r, struct config_ref v, char *path)
{
	struct prefix_list l = { 0 };
	char *why = config_alloc(r, CONFIG_TEXT_MAX + 100, 1);
	bool good = false;

	if (why && !r->files)
		config_error(&r->report, v.n, "%s: %s", ECHO(path), strerror(EACCES));
	else if (why && prefix_list_read(&l, path, why, CONFIG_TEXT_MAX + 100) < 0)
		config_error(&r->report, v.n, "%s%s", ECHO(path), why + strlen(path));
	else
		good = why != NULL;
	prefix_list_done(&l);
	free(why);
	return good;
}

void config_read_texts(struct config_reader *r, struct config_ref v, config_text_fn *check,
		       char ***ret, size_t *ret_n)
{
	struct config_list l = config_list_start(v);

	if (!v.v || !config_want_some(r, v))
		return;
	*ret = config_alloc(r, l.n, sizeof(**ret));
	for (; *ret && l.item.v; config_list_next(&l)) {
		char *text = NULL;

		if (config_read_string(r, l.item, 1, CONFIG_TEXT_MAX, &text) &&
		    (!check || check(r, l.item, text)))
			(*ret)[(*ret_n)++] = text;
		else
			free(text);
	}
}

void config_texts_done(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

void config_read_prefixes(struct config_reader *r, struct config_ref v, struct prefix_list *ret)
{
	if (!v.v || !config_want_some(r, v))
		return;
	for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l)) {
		const char *text = json_string_value(l.item.v);
		struct prefix p;

		if (!config_want(r, l.item, JSON_STRING))
			continue;
		if (prefix_parse(text, strlen(text), &p) < 0)
			config_error(&r->report, l.item.n,
				     "\"%s\" is no prefix such as \"192.0.2.0/24\" or \"fd00::/8\"",
				     ECHO(text));
		else if (prefix_list_add(ret, &p) < 0)
			r->oom = true;
	}
	prefix_list_normal(ret);
}

/* Digits up to `end`; `none` where there are none of them. -1 where it is no port. */
static long parse_port(const char *text, const char *end, long none)
{
	size_t n = (size_t)(end - text);

	if (n == 0)
		return none;
	if (n > 5 || strspn(text, "0123456789") < n)
		return -1;
	return strtol(text, NULL, 10);
}

/* "1000:2000", ":3000" or "4000:". */
static bool parse_range(const char *text, struct port_range *ret)
{
	const char *colon = strchr(text, ':');
	long first, last;

	if (!colon || !text[1])
		return false;
	first = parse_port(text, colon, 0);
	last = parse_port(colon + 1, text + strlen(text), 65535);
	if (first < 0 || last < first || last > 65535)
		return false;
	*ret = (struct port_range){ .first = (uint16_t)first, .last = (uint16_t)last };
	return true;
}

static bool read_port(struct config_reader *r, struct config_ref v, struct port_range *ret)
{
	uint64_t port;

	if (!config_read_uint(r, v, 1, 65535, &port))
		return false;
	*ret = (struct port_range){ .first = (uint16_t)port, .last = (uint16_t)port };
	return true;
}

static bool read_range(struct config_reader *r, struct config_ref v, struct port_range *ret)
{
	if (!config_want(r, v, JSON_STRING))
		return false;
	if (parse_range(json_string_value(v.v), ret))
		return true;
	config_error(&r->report, v.n,
		     "\"%s\" is no range such as \"1000:2000\", \":3000\" or \"4000:\"",
		     ECHO(json_string_value(v.v)));
	return false;
}

static void read_ports(struct config_reader *r, struct config_ref v,
		       bool (*read)(struct config_reader *r, struct config_ref v,
				    struct port_range *ret),
		       struct port_range *at, size_t *n)
{
	if (!v.v || !config_want_some(r, v))
		return;
	for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l))
		*n += read(r, l.item, &at[*n]);
}

void config_read_ports(struct config_reader *r, struct config_ref ports, struct config_ref ranges,
		       struct port_range **ret, size_t *ret_n)
{
	size_t room = config_list_start(ports).n + config_list_start(ranges).n;

	if (!ports.v && !ranges.v)
		return;
	*ret = config_alloc(r, room, sizeof(**ret));
	if (!*ret)
		return;
	read_ports(r, ports, read_port, *ret, ret_n);
	read_ports(r, ranges, read_range, *ret, ret_n);
}
