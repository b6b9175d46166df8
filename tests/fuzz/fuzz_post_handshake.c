// SPDX-License-Identifier: GPL-2.0-or-later
// Messages that come in arbitrary records give what a look at the whole stream says they are.
#include "wire/post_handshake.h"

#include <string.h>

#include "fuzz.h"
#include "wire/record.h"

#define RECORDS_MAX 256

struct stream {
	const uint8_t *p;
	size_t n;
	size_t ends[RECORDS_MAX]; /* of the records, ascending; the last one is n */
	size_t n_ends;
};

/* Where the record ends that holds byte `at`. */
static size_t end_of(const struct stream *s, size_t at)
{
	size_t i = 0;

	while (s->ends[i] <= at)
		i++;
	return s->ends[i];
}

/* The alert for the header that ends before `body`, or 0. */
static int judge(const struct stream *s, bool client, const uint8_t *hdr, size_t len, size_t body)
{
	bool more = body < s->n && end_of(s, body - 1) > body;

	if (hdr[0] == 24 && len == 0)
		return more ? ALERT_UNEXPECTED_MESSAGE : ALERT_DECODE_ERROR;
	if (hdr[0] == 24)
		return len == 1 ? 0 : ALERT_ILLEGAL_PARAMETER;
	if (hdr[0] != 4 || !client)
		return ALERT_UNEXPECTED_MESSAGE;
	return len <= 131338 ? 0 : ALERT_ILLEGAL_PARAMETER;
}

/* The stream as one: how many KeyUpdates, and the alert that ends it; *ret_open: a part is left. */
static int look(const struct stream *s, bool client, unsigned *ret_updates, bool *ret_open)
{
	size_t at = 0;

	*ret_updates = 0;
	while (s->n - at >= 4) {
		const uint8_t *hdr = s->p + at;
		size_t len = (size_t)hdr[1] << 16 | (size_t)hdr[2] << 8 | hdr[3];
		int alert = judge(s, client, hdr, len, at + 4);

		at += 4;
		if (alert)
			return alert;
		if (s->n - at < len) {
			*ret_open = true;
			return 0;
		}
		if (hdr[0] == 24 && end_of(s, at) != at + 1)
			return ALERT_UNEXPECTED_MESSAGE;
		if (hdr[0] == 24 && s->p[at] > 1)
			return ALERT_ILLEGAL_PARAMETER;
		*ret_updates += hdr[0] == 24;
		at += len;
	}
	*ret_open = at < s->n;
	return 0;
}

static int feed(const struct stream *s, bool client, unsigned *ret_updates, bool *ret_open)
{
	struct post_handshake ph = { .have = 0 };
	size_t at = 0;

	*ret_updates = 0;
	for (size_t i = 0; i < s->n_ends; at = s->ends[i++]) {
		int events = post_handshake_feed(&ph, client, s->p + at, s->ends[i] - at);

		if (events < 0)
			return -events;
		CHECK((events & ~(POST_TICKET | POST_KEY_UPDATE | POST_REQUESTED)) == 0);
		CHECK(client || !(events & POST_TICKET));
		/* it asks where its last byte, the record's last too, says so */
		CHECK(!(events & POST_KEY_UPDATE) ||
		      !(events & POST_REQUESTED) == (s->p[s->ends[i] - 1] == 0));
		*ret_updates += (events & POST_KEY_UPDATE) != 0;
	}
	*ret_open = post_handshake_midway(&ph);
	return 0;
}

/* A byte for the role, a byte for how many cuts follow, each the length of a record; the stream. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = { .n_ends = 0 };
	unsigned whole, fed;
	bool open_whole = false, open_fed = false;
	size_t n_cuts, at = 0;
	int alert;

	if (size < 2 || size - 2 < data[1])
		return 0;
	n_cuts = data[1];
	s.p = data + 2 + n_cuts;
	s.n = size - 2 - n_cuts;
	for (size_t i = 0; at < s.n && s.n_ends < RECORDS_MAX; i++) {
		size_t piece = n_cuts > 0 ? data[2 + i % n_cuts] : s.n;

		piece = piece == 0 ? 1 : piece;
		at = piece < s.n - at && s.n_ends < RECORDS_MAX - 1 ? at + piece : s.n;
		s.ends[s.n_ends++] = at;
	}
	alert = look(&s, data[0] & 1, &whole, &open_whole);
	CHECK(feed(&s, data[0] & 1, &fed, &open_fed) == alert);
	CHECK(alert || (whole == fed && open_whole == open_fed));
	return 0;
}
