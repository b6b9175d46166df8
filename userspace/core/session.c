// SPDX-License-Identifier: GPL-2.0-or-later
// The frame reader and the meaning of each frame in each role.
#include "core/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/settings.h"

#define NO_SETTINGS "client did not send its settings"

void session_init(struct session *s, enum session_role role)
{
	*s = (struct session){ .role = role, .next_id = 1, .max_streams = UINT32_MAX };
}

void session_done(struct session *s)
{
	free(s->control);
	s->control = NULL;
}

struct session_stream *session_find(struct session *s, uint32_t id)
{
	struct session_stream *st = s->recent;

	if (st && st->id == id)
		return st;
	HASH_FIND(hh, s->streams, &id, sizeof(id), st);
	if (st)
		s->recent = st;
	return st;
}

void session_add(struct session *s, struct session_stream *st)
{
	HASH_ADD(hh, s->streams, id, sizeof(st->id), st);
	s->recent = st;
	s->n_streams++;
}

void session_remove(struct session *s, struct session_stream *st)
{
	struct session_stream *found;

	HASH_FIND(hh, s->streams, &st->id, sizeof(st->id), found);
	if (found != st)
		return;
	HASH_DELETE(hh, s->streams, st);
	if (s->recent == st)
		s->recent = NULL;
	s->n_streams--;
}

static void add(struct acts *out, struct act act)
{
	out->act[out->n++] = act;
}

static void add_text(struct acts *out, enum act_kind kind, const char *text)
{
	add(out, (struct act){ .kind = kind, .data = (const uint8_t *)text, .len = strlen(text) });
}

static void on_syn(struct session *s, struct acts *out)
{
	uint32_t id = s->frame.stream_id;

	if (s->role == SESSION_CLIENT)
		return;
	if (id == 0)
		add_text(out, ACT_CLOSE, "SYN with stream id 0");
	else if (!s->got_settings)
		add_text(out, ACT_SEND_ALERT, NO_SETTINGS);
	else if (session_find(s, id))
		return;
	else
		add(out,
		    (struct act){ .kind = s->n_streams < s->max_streams ? ACT_OPEN : ACT_REFUSE,
				  .stream_id = id });
}

static void on_settings(struct session *s, const uint8_t *p, size_t n, struct acts *out)
{
	const char *text = (const char *)p, *md5;
	ssize_t len;

	if (s->role == SESSION_CLIENT || n == 0)
		return;
	s->got_settings = true;
	len = settings_find(text, n, "padding-md5", &md5);
	if (len != 32 || memcmp(md5, s->padding_md5, 32) != 0)
		add(out, (struct act){ .kind = ACT_SEND_SCHEME });
	s->v2 = settings_version(text, n) >= 2;
	if (s->v2)
		add(out, (struct act){ .kind = ACT_SEND,
				       .cmd = FRAME_SERVER_SETTINGS,
				       .data = (const uint8_t *)"v=2",
				       .len = 3 });
}

static void on_server_settings(struct session *s, const uint8_t *p, size_t n, struct acts *out)
{
	if (s->role == SESSION_SERVER || s->v2 || settings_version((const char *)p, n) < 2)
		return;
	s->v2 = true;
	add(out, (struct act){ .kind = ACT_VERSION });
}

static void on_synack(struct session *s, const uint8_t *p, size_t n, struct acts *out)
{
	struct session_stream *st;

	if (s->role == SESSION_SERVER)
		return;
	st = session_find(s, s->frame.stream_id);
	if (st)
		add(out, (struct act){ .kind = ACT_SYNACK, .stream = st, .data = p, .len = n });
}

/* Who is no user of a server with a web server in the background gets that one's answer. */
static bool is_http(struct session *s)
{
	bool first = !s->any_frame;

	s->any_frame = true;
	return first && s->role == SESSION_CLIENT && memcmp(s->hdr, "HTTP/1.", FRAME_HDR_LEN) == 0;
}

/* A frame is complete, its data (but for PSH and Waste) is at p. */
static void on_frame(struct session *s, const uint8_t *p, size_t n, struct acts *out)
{
	struct session_stream *st;

	switch (s->frame.cmd) {
	case FRAME_SYN:
		on_syn(s, out);
		break;
	case FRAME_FIN:
		st = session_find(s, s->frame.stream_id);
		if (st)
			add(out, (struct act){ .kind = ACT_FIN, .stream = st });
		break;
	case FRAME_SETTINGS:
		on_settings(s, p, n, out);
		break;
	case FRAME_SERVER_SETTINGS:
		on_server_settings(s, p, n, out);
		break;
	case FRAME_SYNACK:
		on_synack(s, p, n, out);
		break;
	case FRAME_UPDATE_PADDING:
		if (s->role == SESSION_CLIENT)
			add(out, (struct act){ .kind = ACT_SCHEME, .data = p, .len = n });
		break;
	case FRAME_ALERT:
		if (n > 0)
			add(out, (struct act){ .kind = ACT_ALERT, .data = p, .len = n });
		break;
	case FRAME_HEART_REQUEST:
		add(out, (struct act){ .kind = ACT_SEND,
				       .cmd = FRAME_HEART_RESPONSE,
				       .stream_id = s->frame.stream_id });
		break;
	case FRAME_HEART_RESPONSE:
		add(out, (struct act){ .kind = ACT_HEARTBEAT });
		break;
	}
}

/* Whether the data of this command is collected before the frame means anything. */
static bool collects(uint8_t cmd)
{
	return cmd == FRAME_SETTINGS || cmd == FRAME_SERVER_SETTINGS || cmd == FRAME_SYNACK ||
	       cmd == FRAME_UPDATE_PADDING || cmd == FRAME_ALERT;
}

/* Takes what there is of the data of a control frame; *ret_data is set once it is whole. */
static ssize_t collect(struct session *s, const uint8_t *p, size_t n, const uint8_t **ret_data)
{
	size_t take = n < s->left ? n : s->left, have = s->frame.len - s->left;

	if (take == s->frame.len) {
		s->left = 0;
		*ret_data = p;
		return (ssize_t)take;
	}
	if (have == 0) {
		free(s->control);
		s->control = malloc(s->frame.len);
	}
	if (!s->control)
		return -ENOMEM;
	memcpy(s->control + have, p, take);
	s->left -= (uint32_t)take;
	if (s->left == 0)
		*ret_data = s->control;
	return (ssize_t)take;
}

/* PSH data is passed on piece by piece; that of Waste, unknown and data-less commands is dropped.
 */
static size_t pass_on(struct session *s, const uint8_t *p, size_t n, struct acts *out)
{
	size_t take = n < s->left ? n : s->left;
	struct session_stream *st;

	if (s->frame.cmd == FRAME_PSH && take > 0) {
		st = session_find(s, s->frame.stream_id);
		if (st)
			add(out,
			    (struct act){ .kind = ACT_DATA, .stream = st, .data = p, .len = take });
	}
	s->left -= (uint32_t)take;
	return take;
}

static size_t read_header(struct session *s, const uint8_t *p, size_t n)
{
	size_t want = (size_t)(FRAME_HDR_LEN - s->hdr_have), take = n < want ? n : want;

	memcpy(s->hdr + s->hdr_have, p, take);
	s->hdr_have = (uint8_t)(s->hdr_have + take);
	if (s->hdr_have == FRAME_HDR_LEN) {
		frame_get(s->hdr, &s->frame);
		s->left = s->frame.len;
		if (s->frame.cmd == FRAME_PSH && s->frame.len > s->longest)
			s->longest = s->frame.len;
	}
	return take;
}

/* Whether the caller has to perform the last act before more bytes can be understood. */
static bool must_stop(const struct acts *out)
{
	if (out->n == 0)
		return false;
	switch (out->act[out->n - 1].kind) {
	case ACT_OPEN:
	case ACT_FIN:
	case ACT_SYNACK:
	case ACT_SCHEME:
	case ACT_ALERT:
	case ACT_SEND_ALERT:
	case ACT_CLOSE:
		return true;
	default:
		return out->n > ACTS_MAX - 3; /* one frame makes at most two acts */
	}
}

/* Reads on within the current frame. Bytes consumed, or -ENOMEM. */
static ssize_t read_data(struct session *s, const uint8_t *p, size_t n, struct acts *out)
{
	const uint8_t *data = NULL;
	ssize_t took;

	if (is_http(s)) {
		add_text(out, ACT_CLOSE, "the server answers in HTTP: is the password wrong?");
		return 0;
	}

	if (!collects(s->frame.cmd)) {
		took = (ssize_t)pass_on(s, p, n, out);
	} else if (s->left > 0) {
		took = collect(s, p, n, &data);
		if (took < 0)
			return took;
	} else {
		took = 0;
	}
	if (s->left == 0) {
		s->hdr_have = 0;
		on_frame(s, data, data ? s->frame.len : 0, out);
	}
	return took;
}

ssize_t session_feed(struct session *s, const uint8_t *p, size_t n, struct acts *ret)
{
	size_t used = 0;

	ret->n = 0;
	if (s->hdr_have == 0) {
		free(s->control); /* its act was performed since */
		s->control = NULL;
	}
	while (!must_stop(ret) && (used < n || (s->hdr_have == FRAME_HDR_LEN && s->left == 0))) {
		ssize_t took = s->hdr_have < FRAME_HDR_LEN
				       ? (ssize_t)read_header(s, p + used, n - used)
				       : read_data(s, p + used, n - used, ret);

		if (took < 0)
			return took;
		used += (size_t)took;
	}
	return (ssize_t)used;
}
