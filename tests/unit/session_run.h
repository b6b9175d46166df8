/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: feeds a session in pieces, performs its acts and writes them down, one a line, data
 * joined. */
#ifndef TESTS_UNIT_SESSION_RUN_H
#define TESTS_UNIT_SESSION_RUN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/session.h"

#define RUN_MD5 "75cff2ad89aadf5e257059ee571ebe11"

struct session_run {
	struct session s;
	char *text; /* what happened */
	size_t text_len;
	FILE *out;
	uint32_t data_id; /* stream of the data that is being joined; 0: none */
	size_t data_len;
	uint64_t data_hash;
	char data_head[32];
	bool over; /* the session said so */
	bool keep; /* streams stay in the table after FIN, as a client's may for a while */
};

/* Fails in release builds too: a broken harness must not pass for a passing test. */
static inline void run_must(bool cond, const char *what)
{
	if (cond)
		return;
	fprintf(stderr, "session_run: %s\n", what);
	abort();
}

static inline void run_open(struct session_run *r, uint32_t id)
{
	struct session_stream *st = calloc(1, sizeof(*st));

	run_must(st && !session_find(&r->s, id), "a new stream");
	st->id = id;
	st->state = STREAM_OPEN;
	session_add(&r->s, st);
}

static inline void run_init(struct session_run *r, enum session_role role)
{
	*r = (struct session_run){ .data_id = 0 };
	session_init(&r->s, role);
	r->s.padding_md5 = RUN_MD5;
	r->out = open_memstream(&r->text, &r->text_len);
	run_must(r->out, "memory");
}

static inline void run_close(struct session_run *r, struct session_stream *st)
{
	session_remove(&r->s, st);
	free(st);
}

static inline void run_done(struct session_run *r)
{
	while (r->s.streams)
		run_close(r, r->s.streams);
	session_done(&r->s);
	fclose(r->out);
	free(r->text);
}

/* Between quotes; whatever is not plain ASCII or LF is escaped. */
static inline void run_quote(struct session_run *r, const void *text, size_t n)
{
	const uint8_t *p = text;

	fputs(" '", r->out);
	for (size_t i = 0; i < n; i++)
		if ((p[i] >= 0x20 && p[i] < 0x7f) || p[i] == '\n')
			fputc(p[i], r->out);
		else
			fprintf(r->out, "\\x%02x", p[i]);
	fputs("'\n", r->out);
}

static inline void run_put_text(struct session_run *r, const uint8_t *p, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 0x100000001b3u;
	if (n <= 40)
		run_quote(r, p, n);
	else
		fprintf(r->out, " %zu bytes #%016llx\n", n, (unsigned long long)hash);
}

static inline void run_end_data(struct session_run *r)
{
	if (!r->data_len)
		return;
	fprintf(r->out, "data %u", r->data_id);
	if (r->data_len <= sizeof(r->data_head))
		run_quote(r, r->data_head, r->data_len);
	else
		fprintf(r->out, " %zu bytes #%016llx\n", r->data_len,
			(unsigned long long)r->data_hash);
	r->data_len = 0;
}

static inline void run_data(struct session_run *r, const struct act *a)
{
	run_must(a->len > 0, "data without bytes");
	if (r->data_len && r->data_id != a->stream->id)
		run_end_data(r);
	if (!r->data_len)
		r->data_hash = 0xcbf29ce484222325u;
	r->data_id = a->stream->id;
	for (size_t i = 0; i < a->len; i++, r->data_len++) {
		r->data_hash = (r->data_hash ^ a->data[i]) * 0x100000001b3u;
		if (r->data_len < sizeof(r->data_head))
			r->data_head[r->data_len] = (char)a->data[i];
	}
}

static inline void run_line(struct session_run *r, const struct act *a)
{
	static const char *const names[] = {
		[ACT_OPEN] = "open",	     [ACT_REFUSE] = "refuse",
		[ACT_FIN] = "fin",	     [ACT_SYNACK] = "synack",
		[ACT_SEND] = "send",	     [ACT_SEND_SCHEME] = "send-scheme",
		[ACT_SCHEME] = "scheme",     [ACT_VERSION] = "version",
		[ACT_HEARTBEAT] = "heard",   [ACT_ALERT] = "alert",
		[ACT_SEND_ALERT] = "accuse", [ACT_CLOSE] = "close",
	};

	run_end_data(r);
	fputs(names[a->kind], r->out);
	if (a->kind == ACT_SEND)
		fprintf(r->out, " %u", a->cmd);
	if (a->stream)
		run_must(session_find(&r->s, a->stream->id) == a->stream, "stream in the table");
	if (a->kind == ACT_OPEN || a->kind == ACT_REFUSE || a->kind == ACT_SEND || a->stream)
		fprintf(r->out, " %u", a->stream ? a->stream->id : a->stream_id);
	if (a->kind == ACT_SEND || a->kind == ACT_SYNACK || a->kind == ACT_SCHEME ||
	    a->kind == ACT_ALERT || a->kind == ACT_SEND_ALERT || a->kind == ACT_CLOSE)
		run_put_text(r, a->data, a->len);
	else
		fputc('\n', r->out);
}

static inline void run_perform(struct session_run *r, const struct act *a)
{
	if (a->kind == ACT_DATA) {
		run_data(r, a);
		return;
	}
	run_line(r, a);
	if (a->kind == ACT_OPEN)
		run_open(r, a->stream_id);
	if (a->kind == ACT_FIN && !r->keep)
		run_close(r, a->stream);
	if (a->kind == ACT_ALERT || a->kind == ACT_SEND_ALERT || a->kind == ACT_CLOSE)
		r->over = true;
}

/* Feeds one piece, from memory of exactly its size that is spoilt afterwards. */
static inline void run_feed(struct session_run *r, const uint8_t *p, size_t n)
{
	uint8_t *piece = malloc(n ? n : 1);
	struct acts acts;
	size_t used = 0;

	run_must(piece, "memory");
	memcpy(piece, p, n);
	while (used < n && !r->over) {
		ssize_t took = session_feed(&r->s, piece + used, n - used, &acts);

		run_must(took >= 0 && (size_t)took <= n - used, "bytes consumed");
		run_must(acts.n <= ACTS_MAX && (took > 0 || acts.n > 0), "progress");
		for (unsigned i = 0; i < acts.n; i++)
			run_perform(r, &acts.act[i]);
		used += (size_t)took;
	}
	memset(piece, 0xa5, n);
	free(piece);
}

/* What happened so far; valid until the next call. */
static inline const char *run_text(struct session_run *r)
{
	run_end_data(r);
	fflush(r->out);
	return r->text;
}

#endif
