// SPDX-License-Identifier: GPL-2.0-or-later
// Formats a line, makes it harmless and writes it whole.
#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"

#define TEXT_MAX     1000
#define LINE_MAX_LEN (TEXT_MAX * ESCAPE_GROWTH + 200)

enum log_level log_max = LOG_LEVEL_WARN;

static struct log_options options = { .level = LOG_LEVEL_WARN, .timestamp = true, .fd = 2 };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void log_setup(const struct log_options *opts)
{
	options = *opts;
	log_max = opts->level;
}

static size_t put_time(char *out, size_t room)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(out, room, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(out + n, room - n, ".%03dZ", (int)(ts.tv_nsec / 1000000));
}

static size_t put_text_line(char *out, enum log_level level, const char *tag, const char *text,
			    size_t n)
{
	size_t used = 0;

	if (options.timestamp) {
		used += put_time(out, 40);
		out[used++] = ' ';
	}
	used += (size_t)sprintf(out + used, "%-5s ", level_names[level]);
	if (tag)
		used += (size_t)sprintf(out + used, "[%.60s] ", tag);
	used += escape_text(out + used, text, n, false);
	out[used++] = '\n';
	return used;
}

static size_t put_json_line(char *out, enum log_level level, const char *tag, const char *text,
			    size_t n)
{
	size_t used = (size_t)sprintf(out, "{");

	if (options.timestamp) {
		used += (size_t)sprintf(out + used, "\"time\":\"");
		used += put_time(out + used, 40);
		used += (size_t)sprintf(out + used, "\",");
	}
	used += (size_t)sprintf(out + used, "\"level\":\"%s\"", level_names[level]);
	if (tag) {
		used += (size_t)sprintf(out + used, ",\"tag\":\"");
		used += escape_text(out + used, tag, strnlen(tag, 60), true);
		out[used++] = '"';
	}
	used += (size_t)sprintf(out + used, ",\"message\":\"");
	used += escape_text(out + used, text, n, true);
	used += (size_t)sprintf(out + used, "\"}\n");
	return used;
}

void log_write(enum log_level level, const char *tag, const char *fmt, ...)
{
	char text[TEXT_MAX + 1], line[LINE_MAX_LEN + 400];
	va_list ap;
	int n;
	size_t len;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	len = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	len = options.json ? put_json_line(line, level, tag, text, len)
			   : put_text_line(line, level, tag, text, len);
	if (write(options.fd, line, len) < 0)
		return; /* nowhere left to report to */
}

bool log_allowed(struct log_limit *l, unsigned per_second)
{
	uint64_t now = clock_now_ms();

	if (now - l->window_ms >= 1000) {
		l->window_ms = now;
		l->count = 0;
	}
	if (l->count >= per_second) {
		l->suppressed++;
		return false;
	}
	l->count++;
	return true;
}
