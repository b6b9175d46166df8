/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON as people write it: comments and trailing commas are blanked, so that a strict parser takes
 * the rest. */
#ifndef APP_JSONC_H
#define APP_JSONC_H

#include <stddef.h>

/* Arrays and objects inside each other; the outermost one counts. */
#define JSONC_DEPTH_MAX 32

struct jsonc_error {
	size_t at;	  /* offset in the text */
	const char *what; /* static */
};

/*
 * Replaces, in place, each byte of a byte-order mark, of comments (two slashes or # to the end of
 * the line, slash-star to star-slash) and of trailing commas by a space; newlines stay, so offsets
 * and lines do too. Strings are left alone. What is no JSON otherwise is not judged here. 0, or
 * -EINVAL and *ret_error: a string or comment without an end, a NUL byte outside of them, or
 * nesting beyond JSONC_DEPTH_MAX.
 */
int jsonc_blank(char *text, size_t n, struct jsonc_error *ret_error);

struct jsonc_place {
	unsigned line, column; /* from 1; a column is one UTF-8 character */
};

/* Where offset `at` is; an offset beyond the text stands for its end. */
struct jsonc_place jsonc_place(const char *text, size_t n, size_t at);

#endif
