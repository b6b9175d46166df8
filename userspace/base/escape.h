/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from strangers made harmless for a terminal, a log or JSON. */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#define ESCAPE_GROWTH 6 /* bytes that one may become */

/*
 * Copies n bytes of text to out, which has ESCAPE_GROWTH times n bytes; returns what it used,
 * without a NUL. Valid UTF-8 stays; control characters (C0, DEL, C1), marks that turn the direction
 * of writing and invalid bytes become \xNN, in JSON \u00NN a byte, and backslashes (in JSON quotes,
 * too) get one before them.
 */
size_t escape_text(char *out, const char *text, size_t n, bool json);

#endif
