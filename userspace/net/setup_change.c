// SPDX-License-Identifier: GPL-2.0-or-later
// Doing a change step by step, and taking it back where a step fails.
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "net/nft.h"
#include "net/setup_impl.h"

/*
 * The order in which objects are deleted; they are made in the reverse one. So whatever is let
 * through is let through before and after everything that captures, and the nft rules are there
 * before (and while) packets are captured by interface.
 */
enum rank {
	RANK_IIF,
	RANK_MARKED, /* from here on: before, when made, the nft rules, which mark */
	RANK_GOTO,
	RANK_END,
	RANK_LOCAL,
	RANK_THROW,
};

static enum rank rank(const struct object *o)
{
	if (o->kind == OBJECT_ROUTE)
		return o->type == RTN_LOCAL ? RANK_LOCAL : RANK_THROW;
	if (o->type == FR_ACT_GOTO)
		return RANK_GOTO;
	if (o->type == FR_ACT_NOP)
		return RANK_END;
	return o->mask ? RANK_MARKED : RANK_IIF;
}

static int compare_deleting(const void *a, const void *b)
{
	int order = (int)rank(a) - (int)rank(b);

	return order ? order : object_compare(a, b);
}

static int compare_making(const void *a, const void *b)
{
	int order = (int)rank(b) - (int)rank(a);

	return order ? order : object_compare(a, b);
}

static void sort(struct object_list *l, int (*compare)(const void *, const void *))
{
	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), compare);
}

static size_t count_iif(const struct object_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += rank(&l->at[i]) == RANK_IIF;
	return n;
}

/* What has been done so far. */
struct doing {
	struct setup *s;
	bool *added, *deleted;
	bool nft;
};

static int apply(struct doing *d, const struct object_list *l, size_t from, size_t to, bool add)
{
	char text[OBJECT_TEXT_MAX];
	bool *done = add ? d->added : d->deleted;
	size_t failed = 0;
	int err;

	if (from == to)
		return 0;
	err = rtnl_apply(d->s->rtnl, l->at + from, to - from, add, done + from, &failed);
	if (err)
		snprintf(d->s->why, d->s->why_len, "%s: %s",
			 object_text(&l->at[from + failed], add ? "add" : "del", text),
			 strerror(-err));
	return err;
}

static int apply_nft(struct doing *d, const struct change *c, bool late)
{
	int err;

	if (!c->nft.forward || c->nft_late != late)
		return 0;
	err = nft_run(c->nft.forward, d->s->why, d->s->why_len);
	d->nft = err == 0;
	return err;
}

/* As far as it goes: there is nothing to be done about an error here. */
static void take_objects_back(struct doing *d, const struct object_list *l, const bool *done,
			      bool add)
{
	size_t failed;
	bool ignored;

	for (size_t i = l->n; i-- > 0;)
		if (done[i])
			rtnl_apply(d->s->rtnl, &l->at[i], 1, add, &ignored, &failed);
}

static void take_nft_back(struct doing *d, const struct change *c)
{
	char ignored[160];

	if (d->nft)
		nft_run(c->nft.back, ignored, sizeof(ignored));
}

static void take_all_back(struct doing *d, const struct change *c)
{
	take_objects_back(d, &c->del, d->deleted, true);
	take_nft_back(d, c);
	take_objects_back(d, &c->add, d->added, false);
}

static int do_all(struct doing *d, const struct change *c)
{
	size_t before = c->add.n - count_iif(&c->add), first = count_iif(&c->del);
	int err = apply(d, &c->add, 0, before, true);

	err = err ? err : apply_nft(d, c, false);
	err = err ? err : apply(d, &c->add, before, c->add.n, true);
	err = err ? err : apply(d, &c->del, 0, first, false);
	err = err ? err : apply_nft(d, c, true);
	return err ? err : apply(d, &c->del, first, c->del.n, false);
}

int change_do(struct setup *s, const struct change *c, bool take_back)
{
	struct doing d = { .s = s };
	int err;

	d.added = calloc(c->add.n + 1, sizeof(bool));
	d.deleted = calloc(c->del.n + 1, sizeof(bool));
	if (d.added && d.deleted) {
		err = do_all(&d, c);
		if (err && take_back)
			take_all_back(&d, c);
	} else {
		snprintf(s->why, s->why_len, "out of memory");
		err = -ENOMEM;
	}
	free(d.added);
	free(d.deleted);
	return err;
}

void change_sort(struct change *c)
{
	sort(&c->add, compare_making);
	sort(&c->del, compare_deleting);
}

/* The report: long lists of routes are cut short. */
static void tell_objects(const struct setup *s, const struct object_list *l, const char *verb)
{
	char text[OBJECT_TEXT_MAX];
	size_t throws = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (rank(&l->at[i]) == RANK_THROW && ++throws > 20)
			continue;
		setup_say(s, "%s", object_text(&l->at[i], verb, text));
	}
	if (throws > 20)
		setup_say(s, "(and %zu more such routes: %s)", throws - 20, verb);
}

void change_tell(const struct setup *s, const struct change *c)
{
	tell_objects(s, &c->add, "add");
	if (c->nft.forward)
		setup_say(s, "nft table inet %s: %s", s->name,
			  c->nft_late	    ? "deleted"
			  : c->nft_elements ? "the bypass sets change"
					    : "made anew, in one transaction");
	tell_objects(s, &c->del, "del");
}

void change_done(struct change *c)
{
	object_list_done(&c->add);
	object_list_done(&c->del);
	free(c->nft.forward);
	free(c->nft.back);
	*c = (struct change){ 0 };
}
