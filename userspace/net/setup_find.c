// SPDX-License-Identifier: GPL-2.0-or-later
// Finding the change that leads from what is there to what a plan wants.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/nft.h"
#include "net/setup_impl.h"

static int out_of_memory(struct setup *s)
{
	snprintf(s->why, s->why_len, "out of memory");
	return -ENOMEM;
}

/* Texts. */

char *setup_ruleset(const struct setup *s, const struct plan *p, bool elements)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return NULL;
	layout_nft(p, &s->layout, elements ? &s->bypass : NULL, f);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static int joined(struct setup *s, char **ret, const char *a, const char *b)
{
	if (asprintf(ret, "%s%s", a, b) >= 0)
		return 0;
	*ret = NULL;
	return out_of_memory(s);
}

/* The table as it is, to put it back. */
static int find_back(struct setup *s, const char *first, struct nft_change *ret)
{
	char *old = NULL;
	int err = nft_list_table(s->name, NFT_FULL, &old, s->why, s->why_len);

	if (!err)
		err = joined(s, &ret->back, first, old);
	free(old);
	return err;
}

static void delete_command(const struct setup *s, char out[static PLAN_NAME_MAX + 32])
{
	snprintf(out, PLAN_NAME_MAX + 32, "delete table inet %s\n", s->name);
}

static int find_nft_removal(struct setup *s, struct nft_change *ret)
{
	char command[PLAN_NAME_MAX + 32];
	int err = find_back(s, "", ret);

	if (err)
		return err == -ENOENT ? 0 : err;
	delete_command(s, command);
	return joined(s, &ret->forward, command, "");
}

static int find_replacement(struct setup *s, const struct plan *p, struct nft_change *ret)
{
	char command[PLAN_NAME_MAX + 32], first[2 * PLAN_NAME_MAX + 64];
	char *text = setup_ruleset(s, p, true);
	int err = text ? 0 : out_of_memory(s);

	delete_command(s, command);
	snprintf(first, sizeof(first), "add table inet %s\n%s", s->name, command);
	if (!err)
		err = joined(s, &ret->forward, first, text);
	if (!err)
		err = find_back(s, command, ret);
	if (err == -ENOENT)
		err = joined(s, &ret->back, command, "");
	free(text);
	return err;
}

/* Sets. */

/* libnftables takes a minute to delete 10,000 elements, but not to put as many into an empty set.
 */
#define FEW 32

static void put_elements(FILE *f, const struct setup *s, const char *verb, const char *set,
			 const struct prefix_list *l)
{
	char text[PREFIX_TEXT_MAX];

	if (!l->n)
		return;
	fprintf(f, "%s element inet %s %s { ", verb, s->name, set);
	for (size_t i = 0; i < l->n; i++)
		fprintf(f, "%s%s", i ? ", " : "", prefix_text(&l->at[i], text));
	fputs(" }\n", f);
}

/* Those of one family in a but not in b; both are sorted. */
static int minus(const struct prefix_list *a, const struct prefix_list *b, uint8_t family,
		 struct prefix_list *ret)
{
	size_t j = 0;
	int err = 0;

	for (size_t i = 0; i < a->n && !err; i++) {
		const struct prefix *p = &a->at[i];

		while (j < b->n && prefix_compare(&b->at[j], p) < 0)
			j++;
		if (p->family != family || p->len == 0)
			continue;
		if (j == b->n || prefix_compare(&b->at[j], p) != 0)
			err = prefix_list_add(ret, p);
	}
	return err;
}

/* Commands that have the set lose and get these, so that it has all of `to`. */
static void put_change(FILE *f, const struct setup *s, const char *set,
		       const struct prefix_list *lost, const struct prefix_list *got,
		       const struct prefix_list *to)
{
	if (lost->n <= FEW) {
		put_elements(f, s, "delete", set, lost);
		put_elements(f, s, "add", set, got);
		return;
	}
	fprintf(f, "flush set inet %s %s\n", s->name, set);
	put_elements(f, s, "add", set, to);
}

static int compare_set(struct setup *s, const char *set, uint8_t family, FILE *forward, FILE *back)
{
	static const struct prefix_list none;
	struct prefix_list have = { 0 }, want = { 0 }, gone = { 0 }, new = { 0 };
	int err = nft_list_set(s->name, set, &have, s->why, s->why_len);

	if (!err) {
		if (have.n)
			qsort(have.at, have.n, sizeof(*have.at), prefix_compare);
		err = minus(&s->bypass, &none, family, &want);
		err = err ? err : minus(&have, &want, family, &gone);
		err = err ? err : minus(&want, &have, family, &new);
		if (err)
			out_of_memory(s);
	}
	if (!err) {
		put_change(forward, s, set, &gone, &new, &want);
		put_change(back, s, set, &new, &gone, &have);
	}
	prefix_list_done(&have);
	prefix_list_done(&want);
	prefix_list_done(&gone);
	prefix_list_done(&new);
	return err;
}

static int find_elements(struct setup *s, struct nft_change *ret)
{
	size_t n, m;
	FILE *forward = open_memstream(&ret->forward, &n), *back = open_memstream(&ret->back, &m);
	int err = forward && back ? 0 : out_of_memory(s);

	err = err ? err : compare_set(s, LAYOUT_BYPASS4, AF_INET, forward, back);
	err = err ? err : compare_set(s, LAYOUT_BYPASS6, AF_INET6, forward, back);
	if (forward && fclose(forward) != 0 && !err)
		err = out_of_memory(s);
	if (back && fclose(back) != 0 && !err)
		err = out_of_memory(s);
	if (!err && *ret->forward)
		return 0;
	free(ret->forward);
	free(ret->back);
	*ret = (struct nft_change){ 0 };
	return err;
}

int setup_nft_stands(struct setup *s, const struct plan *p)
{
	char *text = setup_ruleset(s, p, false), *dump = NULL;
	int err = text ? 0 : out_of_memory(s);
	bool same = false;

	if (!err)
		err = nft_list_table(s->name, NFT_RULES, &dump, s->why, s->why_len);
	if (!err)
		same = nft_digest(text) == s->journal.nft_text &&
		       nft_digest(dump) == s->journal.nft_dump;
	free(text);
	free(dump);
	return err == -ENOENT ? 0 : err ? err : same;
}

static int find_nft(struct setup *s, const struct plan *p, bool only_bypass, struct change *c)
{
	int stands = 0;

	if (!layout_has_nft(p, &s->layout)) {
		c->nft_late = true;
		return s->journal.nft && !only_bypass ? find_nft_removal(s, &c->nft) : 0;
	}
	if (s->journal.nft)
		stands = setup_nft_stands(s, p);
	if (stands < 0)
		return stands;
	if (!stands)
		return find_replacement(s, p, &c->nft);
	c->nft_elements = true;
	return layout_has_sets(p) ? find_elements(s, &c->nft) : 0;
}

static int find_objects(struct setup *s, bool only_bypass, struct change *c)
{
	int err = 0;

	for (size_t i = 0; i < s->want.n && !err; i++)
		if (!setup_is_there(s, &s->want.at[i]) &&
		    (!only_bypass || s->want.at[i].kind == OBJECT_ROUTE))
			err = object_list_add(&c->add, &s->want.at[i]);
	for (size_t i = 0; i < s->journal.objects.n && !err; i++) {
		const struct object *o = &s->journal.objects.at[i];

		if (setup_is_there(s, o) && !object_list_has(&s->want, o) &&
		    (!only_bypass || o->kind == OBJECT_ROUTE))
			err = object_list_add(&c->del, o);
	}
	return err ? out_of_memory(s) : 0;
}

int change_find(struct setup *s, const struct plan *p, bool only_bypass, struct change *ret)
{
	int err = find_objects(s, only_bypass, ret);

	if (!err)
		err = find_nft(s, p, only_bypass, ret);
	change_sort(ret);
	return err;
}

int change_find_removal(struct setup *s, struct change *ret)
{
	int err = 0;

	for (size_t i = 0; i < s->journal.objects.n && !err; i++)
		if (setup_is_there(s, &s->journal.objects.at[i]))
			err = object_list_add(&ret->del, &s->journal.objects.at[i]);
	if (err)
		return out_of_memory(s);
	ret->nft_late = true;
	if (s->journal.nft)
		err = find_nft_removal(s, &ret->nft);
	change_sort(ret);
	return err;
}
