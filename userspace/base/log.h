/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one log sink: levels, a connection tag, text or JSON lines. Never give it a secret. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_options {
	enum log_level level;
	bool json;	/* one JSON object a line in place of text */
	bool timestamp; /* off where the journal adds its own */
	int fd;		/* where lines go; borrowed */
};

/* The highest level that is written. Read by the macros, set by log_setup(). */
extern enum log_level log_max;

/* Before the first thread starts. The default is warnings and errors as text on stderr. */
void log_setup(const struct log_options *opts);

/*
 * Writes one line with one write(2). `tag` names the connection ("s12/3": session 12, stream 3)
 * or the part ("config"); it may be NULL. Control characters and invalid UTF-8 in the result are
 * escaped, so a peer's text cannot forge a line; text beyond 1,000 bytes is cut. Any thread.
 */
void log_write(enum log_level level, const char *tag, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_at(level, tag, ...)                                                                    \
	do {                                                                                       \
		if ((level) <= log_max)                                                            \
			log_write((level), (tag), __VA_ARGS__);                                    \
	} while (0)
#define log_error(tag, ...) log_at(LOG_LEVEL_ERROR, tag, __VA_ARGS__)
#define log_warn(tag, ...)  log_at(LOG_LEVEL_WARN, tag, __VA_ARGS__)
#define log_info(tag, ...)  log_at(LOG_LEVEL_INFO, tag, __VA_ARGS__)
#define log_debug(tag, ...) log_at(LOG_LEVEL_DEBUG, tag, __VA_ARGS__)

/* A bucket that limits how often one kind of line is written. Zero-initialised is ready. */
struct log_limit {
	unsigned long long window_ms; /* start of the current second */
	unsigned count;		      /* lines in this second */
	unsigned long suppressed;     /* lines swallowed in all */
};

/* Whether a line may be written now: at most `per_second`. One thread an object. */
bool log_allowed(struct log_limit *l, unsigned per_second);

#endif
