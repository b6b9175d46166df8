// SPDX-License-Identifier: GPL-2.0-or-later
// Blanks what JSON does not know: comments and trailing commas.
#include "app/jsonc.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct blanker {
	char *text;
	size_t n, at;
	unsigned depth;
	size_t comma; /* a comma that may turn out to be a trailing one; n: none */
	char last;    /* the last byte that was neither space nor comment */
	struct jsonc_error *error;
};

static int fail(struct blanker *b, size_t at, const char *what)
{
	*b->error = (struct jsonc_error){ .at = at, .what = what };
	return -EINVAL;
}

/* b->at is at the opening quote, and behind the closing one afterwards. */
static int skip_string(struct blanker *b)
{
	size_t start = b->at++;

	while (b->at < b->n && b->text[b->at] != '"' && b->text[b->at] != '\n')
		b->at += b->text[b->at] == '\\' ? 2 : 1;
	if (b->at >= b->n || b->text[b->at] == '\n')
		return fail(b, start, "this string has no closing quote on its line");
	b->at++;
	return 0;
}

static void blank_line(struct blanker *b)
{
	while (b->at < b->n && b->text[b->at] != '\n')
		b->text[b->at++] = ' ';
}

static int blank_block(struct blanker *b)
{
	size_t start = b->at;
	char *end = memmem(b->text + start + 2, b->n - start - 2, "*/", 2);

	if (!end)
		return fail(b, start, "this comment has no end");
	for (; b->text + b->at < end + 2; b->at++)
		if (b->text[b->at] != '\n')
			b->text[b->at] = ' ';
	return 0;
}

/* One byte that means something, outside strings and comments. */
static int take_mark(struct blanker *b, char c)
{
	if (c == ',') {
		/* a comma behind nothing is an error, which the parser shall see */
		b->comma = b->last && !strchr("[{,:", b->last) ? b->at : b->n;
		return 0;
	}
	if ((c == ']' || c == '}') && b->comma < b->n)
		b->text[b->comma] = ' ';
	b->comma = b->n;
	if ((c == '[' || c == '{') && ++b->depth > JSONC_DEPTH_MAX)
		return fail(b, b->at, "nested too deeply");
	if ((c == ']' || c == '}') && b->depth > 0)
		b->depth--;
	return 0;
}

static int step(struct blanker *b)
{
	char c = b->text[b->at];
	char next = b->at + 1 < b->n ? b->text[b->at + 1] : '\0';
	int err;

	if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
		b->at++;
		return 0;
	}
	if (c == '#' || (c == '/' && next == '/')) {
		blank_line(b);
		return 0;
	}
	if (c == '/' && next == '*')
		return blank_block(b);
	if (c == '\0')
		return fail(b, b->at, "a NUL byte is no JSON");
	err = take_mark(b, c);
	b->last = c;
	if (err < 0 || c == '"')
		return err < 0 ? err : skip_string(b);
	b->at++;
	return 0;
}

int jsonc_blank(char *text, size_t n, struct jsonc_error *ret_error)
{
	struct blanker b = { .text = text, .n = n, .comma = n, .error = ret_error };
	int err = 0;

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		memset(text, ' ', 3);
	while (err == 0 && b.at < n)
		err = step(&b);
	return err;
}

struct jsonc_place jsonc_place(const char *text, size_t n, size_t at)
{
	struct jsonc_place p = { .line = 1, .column = 1 };

	for (size_t i = 0; i < n && i < at; i++) {
		bool continues = ((unsigned char)text[i] & 0xc0) == 0x80;

		if (text[i] == '\n')
			p = (struct jsonc_place){ .line = p.line + 1, .column = 1 };
		else if (!continues)
			p.column++;
	}
	return p;
}
