// SPDX-License-Identifier: GPL-2.0-or-later
// What servers and clients may still say once a handshake is over. What is wrong is told by the
// alerts that OpenSSL chooses.
#include "wire/post_handshake.h"

#include "wire/record.h"

#define NEW_SESSION_TICKET 4
#define KEY_UPDATE	   24
#define MESSAGE_MAX	   131338 /* the longest ticket there can be */

/* The header is complete, and n bytes of its record follow: 0, or -alert. */
static int begin(struct post_handshake *ph, bool client, size_t n)
{
	ph->left = (uint32_t)ph->hdr[1] << 16 | (uint32_t)ph->hdr[2] << 8 | ph->hdr[3];
	if (ph->hdr[0] == KEY_UPDATE && ph->left == 0)
		return n > 0 ? -ALERT_UNEXPECTED_MESSAGE : -ALERT_DECODE_ERROR;
	if (ph->hdr[0] == KEY_UPDATE)
		return ph->left == 1 ? 0 : -ALERT_ILLEGAL_PARAMETER;
	if (ph->hdr[0] != NEW_SESSION_TICKET || !client)
		return -ALERT_UNEXPECTED_MESSAGE;
	return ph->left <= MESSAGE_MAX ? 0 : -ALERT_ILLEGAL_PARAMETER;
}

/* Its body, of which p has some; it must end its record (RFC 8446, 5.1). */
static int key_update(const uint8_t *p, size_t n)
{
	if (n > 1)
		return -ALERT_UNEXPECTED_MESSAGE;
	if (*p > 1)
		return -ALERT_ILLEGAL_PARAMETER;
	return *p ? POST_KEY_UPDATE | POST_REQUESTED : POST_KEY_UPDATE;
}

int post_handshake_feed(struct post_handshake *ph, bool client, const uint8_t *p, size_t n)
{
	int events = 0, got = 0;

	while (n > 0) {
		if (ph->have < sizeof(ph->hdr)) {
			ph->hdr[ph->have++] = *p++;
			n--;
			got = ph->have == sizeof(ph->hdr) ? begin(ph, client, n) : 0;
		} else if (ph->hdr[0] == KEY_UPDATE) {
			got = key_update(p, n);
			ph->left = 0;
			n = 0;
		} else {
			size_t take = ph->left < n ? ph->left : n;

			got = POST_TICKET;
			ph->left -= (uint32_t)take;
			p += take;
			n -= take;
		}
		if (got < 0)
			return got;
		events |= got;
		if (ph->have == sizeof(ph->hdr) && ph->left == 0)
			ph->have = 0;
	}
	return events;
}
