/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: one byte string fed to a session whole and in all kinds of pieces must give the same
 * acts. */
#ifndef TESTS_UNIT_SESSION_CUTS_H
#define TESTS_UNIT_SESSION_CUTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frames.h"
#include "session_run.h"

#define CUTS_EVERYWHERE 1024 /* longer strings are not cut in two at every place */
#define CUTS_STREAMS	8

/* How a session stands before the bytes come. */
struct cuts_setup {
	enum session_role role;
	bool v2, got_settings, keep;
	uint32_t max_streams;	     /* 0: no limit */
	uint32_t open[CUTS_STREAMS]; /* ids of open streams, up to the first 0 */
};

static inline uint32_t cuts_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static inline void cuts_start(struct session_run *r, const struct cuts_setup *set)
{
	run_init(r, set->role);
	r->keep = set->keep;
	r->s.v2 = set->v2;
	r->s.got_settings = set->got_settings;
	if (set->max_streams)
		r->s.max_streams = set->max_streams;
	for (size_t i = 0; i < CUTS_STREAMS && set->open[i]; i++)
		run_open(r, set->open[i]);
}

/* Pieces of `first` bytes and then of `then`; of random sizes up to `then` where `seed` is not 0.
 */
static inline void cuts_once(const struct cuts_setup *set, const struct frames *f, size_t first,
			     size_t then, uint32_t seed, const char *want)
{
	struct session_run r;
	size_t at = 0, piece = first;

	cuts_start(&r, set);
	while (at < f->n) {
		if (piece > f->n - at)
			piece = f->n - at;
		run_feed(&r, f->p + at, piece);
		at += piece;
		piece = seed ? 1 + cuts_random(&seed) % then : then;
	}
	if (strcmp(run_text(&r), want) != 0)
		print_error("pieces of %zu, then %zu, seed %u\n", first, then, seed);
	assert_string_equal(run_text(&r), want);
	assert_int_equal(r.s.n_streams, HASH_COUNT(r.s.streams));
	run_done(&r);
}

static inline void check_cuts(const struct cuts_setup *set, const struct frames *f,
			      const char *want)
{
	cuts_once(set, f, f->n, 1, 0, want);
	cuts_once(set, f, 1, 1, 0, want);
	for (size_t i = 1; i < f->n && f->n <= CUTS_EVERYWHERE; i++)
		cuts_once(set, f, i, f->n, 0, want);
	for (uint32_t seed = 1; seed <= 20; seed++) {
		cuts_once(set, f, seed, 20, seed, want);
		cuts_once(set, f, seed, f->n > 20000 ? 20000 : f->n, seed * 7919, want);
	}
}

#endif
