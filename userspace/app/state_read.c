// SPDX-License-Identifier: GPL-2.0-or-later
// A reader of the region that trusts nothing it finds there.
#include "app/state_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/state_dir.h"
#include "app/state_source.h"
#include "base/fd.h"
#include "base/fence.h"

#define TRIES 100 /* a writer is done within microseconds */

#define END_TEXT(text) ((text)[sizeof(text) - 1] = '\0')

/* What is known about the header's own words. */
static const char *mistake(const struct state_header *h)
{
	if (h->magic != STATE_MAGIC)
		return "this is no region";
	if (h->version != STATE_VERSION || h->header_size != sizeof(struct state_header) ||
	    h->worker_size != sizeof(struct state_counters) ||
	    h->session_size != sizeof(struct state_session) ||
	    h->stream_size != sizeof(struct state_stream))
		return "written by another version of the program";
	if (h->workers < 1 || h->workers > STATE_WORKERS_MAX || h->sessions < 1 ||
	    h->sessions > STATE_SLOTS_MAX || h->streams < 1 || h->streams > STATE_SLOTS_MAX)
		return "damaged: capacities out of range";
	return NULL;
}

static int read_header(struct state_reader *r, const struct state_source *s, char *why,
		       size_t why_len)
{
	const char *wrong = "damaged: the header is too short";

	if (state_source_read(s, 0, &r->header, sizeof(r->header)) == 0)
		wrong = mistake(&r->header);
	END_TEXT(r->header.name);
	END_TEXT(r->header.program);
	if (!wrong)
		return 0;
	snprintf(why, why_len, "%s: %s", r->path, wrong);
	return -EPROTO;
}

int state_reader_refresh(struct state_reader *r, char *why, size_t why_len)
{
	struct state_source s;
	int err = state_source_open(&s, r->dir, "header", 1, sizeof(r->header), why, why_len);

	r->live = state_dir_locked(r->dir);
	if (!err)
		err = read_header(r, &s, why, why_len);
	state_source_close(&s);
	return err;
}

static int open_all(struct state_reader *r, char *why, size_t why_len)
{
	const struct state_header *h = &r->header;
	int err = state_reader_refresh(r, why, why_len);

	if (!err)
		err = state_source_open(&r->workers, r->dir, "workers", h->workers, h->worker_size,
					why, why_len);
	if (!err)
		err = state_source_open(&r->sessions, r->dir, "sessions", h->sessions,
					h->session_size, why, why_len);
	if (!err)
		err = state_source_open(&r->streams, r->dir, "streams", h->streams, h->stream_size,
					why, why_len);
	return err;
}

int state_reader_open(struct state_reader *r, const char *dir, char *why, size_t why_len)
{
	*r = (struct state_reader){ .workers.fd = -1, .sessions.fd = -1, .streams.fd = -1 };
	snprintf(r->path, sizeof(r->path), "%s", dir);
	r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0) {
		int err = -errno;

		snprintf(why, why_len, "%s: %s", dir, strerror(-err));
		return err;
	}
	return open_all(r, why, why_len);
}

void state_reader_close(struct state_reader *r)
{
	state_source_close(&r->workers);
	state_source_close(&r->sessions);
	state_source_close(&r->streams);
	fd_close(fd_take(&r->dir));
}

/*
 * A slot of n bytes that begins with its seq. Numbers may change while it is read, texts not: then
 * seq is another one afterwards, or odd.
 */
static int read_slot(const struct state_source *s, uint32_t i, void *ret, size_t n)
{
	uint32_t before, after;

	for (int k = 0; k < TRIES; k++) {
		if (state_source_read(s, i * n, &before, sizeof(before)) < 0)
			return -EIO;
		if (before == 0)
			return 0;
		fence_acquire();
		if (state_source_read(s, i * n, ret, n) < 0)
			return -EIO;
		fence_acquire();
		if (state_source_read(s, i * n, &after, sizeof(after)) < 0)
			return -EIO;
		if (before == after && before % 2 == 0)
			return 1;
	}
	return -EAGAIN;
}

/* Also a value that no enum has, which a forged slot may hold. */
static bool good_role(enum state_role role)
{
	return role == STATE_SERVER || role == STATE_CLIENT;
}

static void bound_wire(enum state_wire *w)
{
	if (*w > STATE_WIRE_KERNEL)
		*w = STATE_WIRE_PLAIN;
}

static void bound_engine(enum state_engine *e)
{
	if (*e > STATE_ENGINE_SOCKMAP)
		*e = STATE_ENGINE_AUTO;
}

int state_reader_session(struct state_reader *r, uint32_t i, struct state_session *ret)
{
	int n = read_slot(&r->sessions, i, ret, sizeof(*ret));

	if (n <= 0)
		return n;
	END_TEXT(ret->tag);
	END_TEXT(ret->user);
	END_TEXT(ret->peer);
	END_TEXT(ret->bound);
	END_TEXT(ret->cipher);
	END_TEXT(ret->why);
	bound_wire(&ret->wire_in);
	bound_wire(&ret->wire_out);
	bound_engine(&ret->engine);
	return good_role(ret->role);
}

int state_reader_stream(struct state_reader *r, uint32_t i, struct state_stream *ret)
{
	int n = read_slot(&r->streams, i, ret, sizeof(*ret));

	if (n <= 0)
		return n;
	END_TEXT(ret->session);
	END_TEXT(ret->source);
	END_TEXT(ret->destination);
	END_TEXT(ret->why);
	bound_engine(&ret->engine);
	return good_role(ret->role);
}

int state_reader_counters(struct state_reader *r, struct state_counters *ret)
{
	uint64_t *sum = (uint64_t *)(void *)ret;

	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < r->header.workers; i++) {
		struct state_counters one;
		const uint64_t *from = (const uint64_t *)(const void *)&one;

		if (state_source_read(&r->workers, i * sizeof(one), &one, sizeof(one)) < 0)
			return -EIO;
		for (size_t k = 0; k < sizeof(one) / sizeof(*sum); k++)
			sum[k] += from[k];
	}
	return 0;
}
