// SPDX-License-Identifier: GPL-2.0-or-later
// A sorted table of names, asked for every suffix of a name that begins with a label.
#include "app/name_set.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ITSELF 1
#define BELOW  2

struct name_entry {
	const char *text;
	uint32_t len;
	uint32_t what; /* ITSELF, BELOW */
};

/* From the end, so that a name's suffixes are met on the way. */
static uint64_t hash_step(uint64_t hash, char c)
{
	return (hash ^ (uint8_t)c) * 0x9e3779b97f4a7c15;
}

static uint64_t bit_of(uint64_t hash)
{
	return 1ull << (hash >> 58);
}

static uint64_t bits_of_suffixes(const char *text, size_t n)
{
	uint64_t hash = 0, bits = 0;

	while (n-- > 0) {
		hash = hash_step(hash, text[n]);
		if (n == 0 || text[n - 1] == '.')
			bits |= bit_of(hash);
	}
	return bits;
}

static uint64_t bit_of_name(const char *text)
{
	uint64_t hash = 0;

	for (size_t n = strlen(text); n-- > 0;)
		hash = hash_step(hash, text[n]);
	return bit_of(hash);
}

void name_cut(struct name *ret, const char *text)
{
	unsigned n = 0;

	ret->n_labels = 0;
	for (; n < sizeof(ret->text) - 1 && text[n]; n++) {
		ret->text[n] = (char)tolower((unsigned char)text[n]);
		if (n == 0 || text[n - 1] == '.')
			ret->labels[ret->n_labels++] = (uint8_t)n;
	}
	if (n > 0 && ret->text[n - 1] == '.')
		n--;
	ret->text[n] = '\0';
	ret->len = (uint8_t)n;
	ret->bits = bits_of_suffixes(ret->text, n);
}

/* By length first: most comparisons end there. */
static int compare(const void *a, const void *b)
{
	const struct name_entry *p = a, *q = b;

	if (p->len != q->len)
		return p->len < q->len ? -1 : 1;
	return memcmp(p->text, q->text, p->len);
}

static void merge_same(struct name_set *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (kept && compare(&s->at[kept - 1], &s->at[i]) == 0)
			s->at[kept - 1].what |= s->at[i].what;
		else
			s->at[kept++] = s->at[i];
	s->n = kept;
}

static void add(struct name_set *s, const char *text, uint32_t what)
{
	s->bits |= bit_of_name(text);
	s->at[s->n++] =
		(struct name_entry){ .text = text, .len = (uint32_t)strlen(text), .what = what };
}

int name_set_init(struct name_set *s, char *const *names, size_t n_names, char *const *suffixes,
		  size_t n_suffixes)
{
	*s = (struct name_set){ 0 };
	if (n_names + n_suffixes == 0)
		return 0;
	s->at = calloc(n_names + n_suffixes, sizeof(*s->at));
	if (!s->at)
		return -ENOMEM;
	for (size_t i = 0; i < n_names; i++)
		add(s, names[i], ITSELF);
	for (size_t i = 0; i < n_suffixes; i++)
		if (*suffixes[i] == '.')
			add(s, suffixes[i] + 1, BELOW);
		else
			add(s, suffixes[i], ITSELF | BELOW);
	qsort(s->at, s->n, sizeof(*s->at), compare);
	merge_same(s);
	return 0;
}

void name_set_done(struct name_set *s)
{
	free(s->at);
	*s = (struct name_set){ 0 };
}

bool name_set_has(const struct name_set *s, const struct name *name)
{
	if (!(s->bits & name->bits))
		return false;
	for (unsigned i = 0; i < name->n_labels; i++) {
		unsigned at = name->labels[i];
		struct name_entry key = { .text = name->text + at }, *found;

		if (at >= name->len)
			break;
		key.len = name->len - at;
		found = bsearch(&key, s->at, s->n, sizeof(*s->at), compare);
		if (found && found->what & (i == 0 ? ITSELF : BELOW))
			return true;
	}
	return false;
}
