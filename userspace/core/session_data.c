// SPDX-License-Identifier: GPL-2.0-or-later
// The frame reader's place, for those who move payload without it.
#include <string.h>

#include "core/session.h"

struct session_stream *session_in_data(struct session *s, uint32_t least)
{
	if (s->hdr_have < FRAME_HDR_LEN || s->frame.cmd != FRAME_PSH || s->left < least)
		return NULL;
	return session_find(s, s->frame.stream_id);
}

unsigned session_header_left(const struct session *s)
{
	return FRAME_HDR_LEN - s->hdr_have;
}

void session_skip_data(struct session *s, uint32_t n)
{
	s->any_frame = true;
	s->left -= n;
	if (s->left == 0)
		s->hdr_have = 0;
}

void session_place(struct session *s, const uint8_t hdr[static FRAME_HDR_LEN], uint8_t have,
		   uint32_t left)
{
	memcpy(s->hdr, hdr, FRAME_HDR_LEN);
	s->hdr_have = have;
	if (have < FRAME_HDR_LEN)
		return;
	frame_get(s->hdr, &s->frame);
	s->left = left;
	if (left == 0)
		s->hdr_have = 0;
}
