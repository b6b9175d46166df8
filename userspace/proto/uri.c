// SPDX-License-Identifier: GPL-2.0-or-later
// Links to servers, taken apart by liburiparser and put together by hand.
#include "proto/uri.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uriparser/Uri.h>

#include "proto/decimal.h"

#define DEFAULT_PORT 443
#define UNRESERVED   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

static const char hex[] = "0123456789ABCDEF";

/* Bytes of text, as liburiparser's ranges are. */
struct span {
	const char *p;
	size_t n;
};

static struct span span_of(const UriTextRangeA *r)
{
	return (struct span){ r->first, r->first ? (size_t)(r->afterLast - r->first) : 0 };
}

/* Decodes `from`, whose escapes are well-formed, into a string; -EINVAL: too long, or a NUL in it.
 */
static int decode(struct span from, char *out, size_t room)
{
	size_t used = 0;

	for (size_t i = 0; i < from.n; i++) {
		unsigned byte = (unsigned char)from.p[i];

		if (byte == '%') {
			if (sscanf((char[]){ from.p[i + 1], from.p[i + 2], '\0' }, "%2x", &byte) !=
			    1)
				return -EINVAL;
			i += 2;
		}
		if (byte == 0 || used + 1 >= room)
			return -EINVAL;
		out[used++] = (char)byte;
	}
	out[used] = '\0';
	return 0;
}

/*
 * Copies a link with everything escaped that people leave raw though the grammar forbids it: UTF-8
 * and spaces anywhere, and in the label whatever is no escape. -EINVAL: control characters, or too
 * long.
 */
static int tidy(const char *text, char out[static 3 * URI_TEXT_MAX])
{
	bool label = false;
	size_t used = 0;

	if (strlen(text) >= URI_TEXT_MAX)
		return -EINVAL;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return -EINVAL;
		if (*p > 0x7f || strchr(" \"<>\\^`{|}", *p) || (label && strchr("#[]", *p))) {
			out[used++] = '%';
			out[used++] = hex[*p >> 4];
			out[used++] = hex[*p & 15];
		} else {
			out[used++] = (char)*p;
		}
		label = label || *p == '#';
	}
	out[used] = '\0';
	return 0;
}

/* The value of a query parameter, the last one where it is repeated. */
static bool find(struct span query, const char *key, struct span *ret)
{
	size_t key_len = strlen(key);
	bool found = false;

	for (const char *p = query.p, *end = p ? p + query.n : p; p;) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		size_t n = (size_t)((amp ? amp : end) - p);

		if (n > key_len && p[key_len] == '=' && memcmp(p, key, key_len) == 0) {
			*ret = (struct span){ p + key_len + 1, n - key_len - 1 };
			found = true;
		}
		p = amp ? amp + 1 : NULL;
	}
	return found;
}

static bool is_ip(int family, const char *host)
{
	uint8_t ip[16];

	return inet_pton(family, host, ip) == 1;
}

static const char *read_authority(const UriUriA *uri, struct uri *u)
{
	struct span port = span_of(&uri->portText);
	int64_t number = DEFAULT_PORT;

	if (decode(span_of(&uri->userInfo), u->password, sizeof(u->password)) < 0)
		return "the password is too long or holds a NUL byte";
	if (uri->hostData.ipFuture.first)
		return "the address is of no known kind";
	if (decode(span_of(&uri->hostText), u->host, sizeof(u->host)) < 0)
		return "the host name is too long or holds a NUL byte";
	if (u->host[0] == '\0')
		return "the host is missing";
	for (const char *p = u->host; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return "the host name holds a blank or a control character";
	if (port.n > 0 &&
	    (decimal_parse(port.p, port.n, &number) < 0 || number < 1 || number > 65535))
		return "the port is not 1..65535";
	u->port = (uint16_t)number;
	return NULL;
}

static const char *read_insecure(struct span query, struct uri *u)
{
	char value[8] = "";
	struct span raw;

	if (!find(query, "insecure", &raw) && !find(query, "allowInsecure", &raw))
		return NULL;
	if (decode(raw, value, sizeof(value)) < 0)
		return "\"insecure\" is neither 0 nor 1";
	u->insecure = strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0;
	if (!u->insecure && value[0] && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0)
		return "\"insecure\" is neither 0 nor 1";
	return NULL;
}

static const char *read_query(struct span query, struct uri *u)
{
	struct span raw;

	if ((find(query, "sni", &raw) || find(query, "peer", &raw)) &&
	    decode(raw, u->sni, sizeof(u->sni)) < 0)
		return "\"sni\" is too long or holds a NUL byte";
	u->no_sni = is_ip(AF_INET, u->sni) || is_ip(AF_INET6, u->sni);
	if (find(query, "alpn", &raw) && decode(raw, u->alpn, sizeof(u->alpn)) < 0)
		return "\"alpn\" is too long or holds a NUL byte";
	return read_insecure(query, u);
}

static const char *read_uri(const UriUriA *uri, struct uri *u)
{
	struct span scheme = span_of(&uri->scheme);
	const char *why;

	if (scheme.n != 6 || strncasecmp(scheme.p, "anytls", 6) != 0)
		return "the scheme is not anytls";
	why = read_authority(uri, u);
	if (why)
		return why;
	if (uri->pathHead && (uri->pathHead->next || span_of(&uri->pathHead->text).n > 0))
		return "a path has no meaning here";
	why = read_query(span_of(&uri->query), u);
	if (!why && decode(span_of(&uri->fragment), u->label, sizeof(u->label)) < 0)
		why = "the label is too long or holds a NUL byte";
	return why;
}

int uri_parse(const char *text, struct uri *ret, const char **ret_why)
{
	char tidied[3 * URI_TEXT_MAX];
	struct uri u = { .port = DEFAULT_PORT };
	const char *why = NULL, *where;
	UriUriA uri;

	if (tidy(text, tidied) < 0) {
		why = "too long, or control characters in it";
	} else if (uriParseSingleUriA(&uri, tidied, &where) != URI_SUCCESS) {
		why = "not a well-formed link";
	} else {
		why = read_uri(&uri, &u);
		uriFreeUriMembersA(&uri);
	}
	if (why) {
		*ret_why = why;
		return -EINVAL;
	}
	*ret = u;
	return 0;
}

/* Text under construction; `used` counts on beyond `room`. */
struct sink {
	char *out;
	size_t used, room;
};

static void put_text(struct sink *s, const char *text)
{
	for (; *text; text++, s->used++)
		if (s->used < s->room)
			s->out[s->used] = *text;
}

/* Everything but unreserved characters and those of `also` is escaped. */
static void put_encoded(struct sink *s, const char *before, const char *text, const char *also)
{
	put_text(s, before);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		char escape[] = { '%', hex[c >> 4], hex[c & 15], '\0' }, plain[] = { *text, '\0' };

		put_text(s, strchr(UNRESERVED, c) || strchr(also, c) ? plain : escape);
	}
}

int uri_put(const struct uri *u, char *out, size_t room)
{
	char text[3 * sizeof(*u) + 64], port[8];
	struct sink s = { .out = text, .room = sizeof(text) };
	const char *before = "?";

	put_encoded(&s, "anytls://", u->password, "");
	if (is_ip(AF_INET6, u->host)) {
		put_encoded(&s, "@[", u->host, ":");
		put_text(&s, "]");
	} else {
		put_encoded(&s, "@", u->host, "");
	}
	snprintf(port, sizeof(port), ":%u/", u->port);
	put_text(&s, port);
	if (u->sni[0]) {
		put_encoded(&s, "?sni=", u->sni, ":");
		before = "&";
	}
	if (u->insecure) {
		put_text(&s, before);
		put_text(&s, "insecure=1");
		before = "&";
	}
	if (u->alpn[0]) {
		put_text(&s, before);
		put_encoded(&s, "alpn=", u->alpn, ",/");
	}
	if (u->label[0])
		put_encoded(&s, "#", u->label, "");
	if (s.used >= s.room || s.used >= room)
		return -ENOSPC;
	memcpy(out, text, s.used);
	out[s.used] = '\0';
	return (int)s.used;
}
