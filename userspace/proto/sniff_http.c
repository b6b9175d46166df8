// SPDX-License-Identifier: GPL-2.0-or-later
// The host of an HTTP/1 request (RFC 9112): of its target, or of its Host header.
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "proto/sniff_impl.h"

#define METHOD_MIN 3
#define METHOD_MAX 20

struct text {
	const uint8_t *p;
	size_t n;
};

static struct text part(struct text t, size_t from, size_t to)
{
	return (struct text){ t.p + from, to - from };
}

/* Where c is, or t.n. */
static size_t find(struct text t, uint8_t c)
{
	const uint8_t *at = t.n > 0 ? memchr(t.p, c, t.n) : NULL;

	return at ? (size_t)(at - t.p) : t.n;
}

/* Takes a line off, without its end. False where it is not complete. */
static bool next_line(struct text *rest, struct text *ret)
{
	size_t end = find(*rest, '\n');

	if (end == rest->n)
		return false;
	*ret = part(*rest, 0, end > 0 && rest->p[end - 1] == '\r' ? end - 1 : end);
	*rest = part(*rest, end + 1, rest->n);
	return true;
}

static bool is_method_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* The method's length, 0 where there is none; t.n where more may be to come. */
static size_t method(struct text t)
{
	size_t i = 0;

	while (i < t.n && i <= METHOD_MAX && is_method_letter(t.p[i]))
		i++;
	if (i == t.n && i <= METHOD_MAX)
		return i;
	return i >= METHOD_MIN && i <= METHOD_MAX && t.p[i] == ' ' ? i : 0;
}

/* No bytes that no request line has, up to its end if that is there. */
static bool is_text_line(struct text t)
{
	for (size_t i = 0; i < t.n && t.p[i] != '\n'; i++) {
		bool line_end = t.p[i] == '\r' && (i + 1 == t.n || t.p[i + 1] == '\n');

		if ((t.p[i] < ' ' && !line_end) || t.p[i] == 0x7f)
			return false;
	}
	return true;
}

static bool is_port(struct text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
	return true;
}

/* host[:port]; an address in brackets is no name, and falls through as one. */
static enum sniff from_authority(struct text t, char *ret)
{
	size_t colon = find(t, ':');

	if (colon < t.n && !is_port(part(t, colon + 1, t.n)))
		return SNIFF_NONE;
	return sniff_host(t.p, colon, ret);
}

/* Of "scheme://user@host:port/path": from behind "://" and "user@" up to the path. */
static bool absolute(struct text target, struct text *ret)
{
	size_t colon = find(target, ':'), end;
	struct text a;

	if (target.n - colon < 3 || memcmp(target.p + colon, "://", 3) != 0 ||
	    find(target, '/') < colon)
		return false;
	a = part(target, colon + 3, target.n);
	for (end = 0; end < a.n && !strchr("/?#", a.p[end]); end++)
		;
	a = part(a, 0, end);
	for (size_t at = find(a, '@'); at < a.n; at = find(a, '@'))
		a = part(a, at + 1, a.n);
	*ret = a;
	return true;
}

static struct text trim(struct text t)
{
	while (t.n > 0 && (t.p[0] == ' ' || t.p[0] == '\t'))
		t = part(t, 1, t.n);
	while (t.n > 0 && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t'))
		t.n--;
	return t;
}

static enum sniff from_headers(struct text rest, char *ret)
{
	struct text line;

	while (next_line(&rest, &line)) {
		size_t colon = find(line, ':');

		if (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
			continue; /* the one before goes on */
		if (line.n == 0 || colon == line.n)
			return SNIFF_NONE;
		if (colon == 4 && strncasecmp((const char *)line.p, "host", 4) == 0)
			return from_authority(trim(part(line, 5, line.n)), ret);
	}
	return SNIFF_MORE;
}

static bool is_version_1(struct text t)
{
	return t.n == 8 && memcmp(t.p, "HTTP/1.", 7) == 0 && t.p[7] >= '0' && t.p[7] <= '9';
}

enum sniff sniff_http(const uint8_t *p, size_t n, char ret[static SNIFF_NAME_MAX + 1])
{
	struct text rest = { p, n }, line, target, authority;
	size_t verb = method(rest);

	if (verb == 0 || !is_text_line(rest))
		return SNIFF_NONE;
	if (verb == n || !next_line(&rest, &line))
		return SNIFF_MORE;
	target = part(line, verb + 1, line.n);
	target.n = find(target, ' ');
	if (target.n == 0 || verb + 1 + target.n == line.n ||
	    !is_version_1(part(line, verb + 1 + target.n + 1, line.n)))
		return SNIFF_NONE;
	if (verb == 7 && memcmp(p, "CONNECT", 7) == 0)
		return from_authority(target, ret);
	if (absolute(target, &authority))
		return from_authority(authority, ret);
	return from_headers(rest, ret);
}
