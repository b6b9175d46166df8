/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of host names, each with or without the names below it, searched label by label. */
#ifndef APP_NAME_SET_H
#define APP_NAME_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name to be looked for: lower case, without a dot at its end. */
struct name {
	char text[256];
	uint8_t len;
	uint16_t n_labels;
	uint8_t labels[256]; /* where they begin */
	uint64_t bits; /* one for each suffix: a set that has none of them has none of these */
};

/* Of at most 255 bytes; what is behind them is left out. */
void name_cut(struct name *ret, const char *text);

/* Zero-initialised it is empty. */
struct name_set {
	struct name_entry *at;
	size_t n;
	uint64_t bits; /* as those of a name */
};

/*
 * Of whole names, and of suffixes: "example.com" is that name and all below it, ".example.com" only
 * those below it. All in lower case, without a dot at the end; borrowed. 0 or -ENOMEM.
 */
int name_set_init(struct name_set *s, char *const *names, size_t n_names, char *const *suffixes,
		  size_t n_suffixes);
void name_set_done(struct name_set *s);
bool name_set_has(const struct name_set *s, const struct name *name);

#endif
