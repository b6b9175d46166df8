// SPDX-License-Identifier: GPL-2.0-or-later
// The server name of a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3), however it is cut into
// records.
#include <stdbool.h>
#include <string.h>

#include "base/be.h"
#include "proto/sniff_impl.h"

#define RECORD_HEADER  5
#define RECORD_MAX     16384
#define HANDSHAKE      22
#define MAJOR	       3 /* of every version's number */
#define MESSAGE_HEADER 4
#define CLIENT_HELLO   1
#define VERSION_RANDOM 34
#define EXTENSION_SNI  0
#define NAME_HOST      0

struct hello {
	uint8_t data[SNIFF_MAX]; /* handshake bytes, without their records' headers */
	size_t have, at;
	size_t end;	/* of what is being read, as far as its lengths have been read */
	bool broken;	/* what comes behind `have` belongs to no handshake */
	enum sniff why; /* nothing more could be taken */
};

/* Of a record's header, as much as is there. */
static bool may_be_record(const uint8_t *p, size_t n)
{
	if (p[0] != HANDSHAKE || (n > 1 && p[1] != MAJOR))
		return false;
	return n < RECORD_HEADER || (get_be16(p + 3) > 0 && get_be16(p + 3) <= RECORD_MAX);
}

static void gather(struct hello *h, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t take;

		h->broken = !may_be_record(p, n);
		if (h->broken || n <= RECORD_HEADER)
			return;
		take = get_be16(p + 3);
		p += RECORD_HEADER;
		n -= RECORD_HEADER;
		if (take > n)
			take = n;
		memcpy(h->data + h->have, p, take);
		h->have += take;
		p += take;
		n -= take;
	}
}

/* The next n bytes, or NULL: then h->why says whether more may help. */
static const uint8_t *take(struct hello *h, size_t n)
{
	const uint8_t *p = h->data + h->at;

	if (n > h->end - h->at) {
		h->why = SNIFF_NONE;
		return NULL;
	}
	if (n > h->have - h->at) {
		h->why = h->broken ? SNIFF_NONE : SNIFF_MORE;
		return NULL;
	}
	h->at += n;
	return p;
}

/* Bytes behind their number, which has one byte or two. */
static bool skip_vector(struct hello *h, size_t width)
{
	const uint8_t *p = take(h, width);

	return p && take(h, width == 1 ? *p : get_be16(p));
}

/* Up to the extensions. */
static bool skip_head(struct hello *h)
{
	const uint8_t *p = take(h, MESSAGE_HEADER);
	size_t len;

	if (!p)
		return false;
	len = (size_t)p[1] << 16 | get_be16(p + 2);
	if (p[0] != CLIENT_HELLO || len > SNIFF_MAX - MESSAGE_HEADER)
		return false;
	h->end = MESSAGE_HEADER + len;
	p = take(h, VERSION_RANDOM);
	if (!p)
		return false;
	/* session, cipher suites, compression; the extensions may be left out */
	return p[0] == MAJOR && skip_vector(h, 1) && skip_vector(h, 2) && skip_vector(h, 1);
}

static enum sniff from_list(const uint8_t *p, size_t n, char *ret)
{
	if (n < 2 || get_be16(p) != n - 2)
		return SNIFF_NONE;
	for (p += 2, n -= 2; n >= 3;) {
		size_t len = get_be16(p + 1);

		if (len > n - 3)
			return SNIFF_NONE;
		if (p[0] == NAME_HOST)
			return sniff_host(p + 3, len, ret);
		p += 3 + len;
		n -= 3 + len;
	}
	return SNIFF_NONE;
}

static enum sniff from_extensions(struct hello *h, char *ret)
{
	const uint8_t *p = take(h, 2);

	if (!p)
		return h->why;
	if (get_be16(p) > h->end - h->at)
		return SNIFF_NONE;
	h->end = h->at + get_be16(p);
	while (h->at < h->end) {
		const uint8_t *head = take(h, 4);
		const uint8_t *body = head ? take(h, get_be16(head + 2)) : NULL;

		if (!body)
			return h->why;
		if (get_be16(head) == EXTENSION_SNI)
			return from_list(body, get_be16(head + 2), ret);
	}
	return SNIFF_NONE;
}

enum sniff sniff_tls(const uint8_t *p, size_t n, char ret[static SNIFF_NAME_MAX + 1])
{
	struct hello h;

	h.have = h.at = 0;
	h.end = MESSAGE_HEADER;
	h.why = SNIFF_NONE;
	h.broken = false;
	gather(&h, p, n);
	return skip_head(&h) ? from_extensions(&h, ret) : h.why;
}
