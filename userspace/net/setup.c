// SPDX-License-Identifier: GPL-2.0-or-later
// Installing, updating and removing: journal first, then the change, then the journal again.
#include "net/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/nft.h"
#include "net/own.h"
#include "net/setup_impl.h"
#include "net/time_wait.h"

static int out_of_memory(struct setup *s)
{
	snprintf(s->why, s->why_len, "out of memory");
	return -ENOMEM;
}

static int merge(struct setup *s, const struct object_list *a, const struct object_list *b,
		 struct object_list *ret)
{
	int err = 0;

	for (size_t i = 0; i < a->n && !err; i++)
		err = object_list_add(ret, &a->at[i]);
	for (size_t i = 0; i < b->n && !err; i++)
		err = object_list_add(ret, &b->at[i]);
	object_list_normal(ret);
	return err ? out_of_memory(s) : 0;
}

static int write_before(struct setup *s, const struct change *c)
{
	struct journal j = s->journal;
	int err;

	j.decided = true;
	j.conntrack = s->layout.conntrack;
	j.objects = (struct object_list){ 0 };
	if (c->nft.forward && !c->nft_elements) {
		j.nft = true;
		j.nft_text = j.nft_dump = 0;
	}
	err = merge(s, &s->journal.objects, &c->add, &j.objects);
	err = err ? err : journal_write(s->lock, s->name, &j, s->why, s->why_len);
	object_list_done(&j.objects);
	return err;
}

static int digest_nft(struct setup *s, const struct plan *p, struct journal *j)
{
	char *text = setup_ruleset(s, p, false), *dump = NULL;
	int err = text ? 0 : out_of_memory(s);

	if (!err)
		err = nft_list_table(s->name, NFT_RULES, &dump, s->why, s->why_len);
	if (!err) {
		j->nft_text = nft_digest(text);
		j->nft_dump = nft_digest(dump);
	}
	free(text);
	free(dump);
	return err;
}

/* Everything that was made is there, and nothing else. */
static int write_installed(struct setup *s, const struct plan *p)
{
	struct journal j = { .decided = true, .conntrack = s->layout.conntrack };
	int err = 0;

	j.nft = layout_has_nft(p, &s->layout);
	if (j.nft)
		err = digest_nft(s, p, &j);
	j.objects = s->want; /* lent */
	return err ? err : journal_write(s->lock, s->name, &j, s->why, s->why_len);
}

/* Routes that went, went; what is not of the lists is as it was. */
static int write_updated(struct setup *s, const struct plan *p, const struct change *c)
{
	struct object_list all = { 0 }, gone = c->del;
	struct journal j = s->journal;
	int err;

	j.objects = (struct object_list){ 0 };
	object_list_normal(&gone); /* only sorts: there are no doubles */
	err = merge(s, &s->journal.objects, &c->add, &all);
	if (!err && object_list_pick(&all, &gone, false, &j.objects) < 0)
		err = out_of_memory(s);
	if (!err && c->nft.forward && !c->nft_elements) {
		j.nft = true;
		err = digest_nft(s, p, &j);
	}
	err = err ? err : journal_write(s->lock, s->name, &j, s->why, s->why_len);
	object_list_done(&all);
	object_list_done(&j.objects);
	return err;
}

/* After a failure: what there was is there again, and nothing else. */
static void write_back(struct setup *s)
{
	char ignored[160];

	if (s->journal.exists)
		journal_write(s->lock, s->name, &s->journal, ignored, sizeof(ignored));
	else
		journal_remove(s->lock, s->name);
}

static int carry_out(struct setup *s, const struct plan *p, const struct change *c, bool update)
{
	int err;

	change_tell(s, c);
	if (s->o->dry_run)
		return c->nft.forward ? nft_try(c->nft.forward, s->why, s->why_len) : 0;
	err = write_before(s, c);
	if (err)
		return err;
	err = change_do(s, c, true);
	if (err) {
		write_back(s);
		return err;
	}
	/* where it fails the journal from before tells more than there is, which does no harm */
	if ((update ? write_updated(s, p, c) : write_installed(s, p)) < 0)
		setup_say(s, "warning: %s", s->why);
	return 0;
}

static void tell_conntrack(const struct setup *s, const struct plan *p)
{
	if (p->steering != STEERING_SK_LOOKUP || p->spare_replies != SPARE_AUTO)
		return;
	if (s->layout.conntrack)
		setup_say(s, "conntrack is in use: replies and older flows are let through by it");
	else
		setup_say(s, "conntrack is not in use: replies of LAN servers and older flows are "
			     "captured, unless they are bypassed or spare_replies is true");
}

/* Connections that ended a moment ago must not answer for flows that are forwarded now. */
static int forget_time_wait(struct setup *s)
{
	struct prefix_list own = { 0 };
	int n = own_read(&own);

	if (n == 0)
		n = time_wait_destroy(&own);
	if (n < 0)
		setup_say(s, "warning: TIME_WAIT sockets of captured flows are still there: %s",
			  strerror(-n));
	prefix_list_done(&own);
	return 0;
}

/* Flows that were captured and are bypassed now: they begin anew, or would hang. */
static void forget_captured(struct setup *s, const struct plan *p)
{
	struct prefix_list own = { 0 };
	int n = own_read(&own);

	if (n == 0)
		n = captured_destroy(&own, &s->bypass, p->own_mark);
	if (n < 0)
		setup_say(s, "warning: captured flows to what is bypassed now may hang: %s",
			  strerror(-n));
	prefix_list_done(&own);
}

static int install(struct setup *s, const struct plan *p)
{
	struct change c = { 0 };
	bool taken_over = s->journal.exists, something;
	int err = 0;

	if (setup_taken(s, p)) {
		snprintf(s->why, s->why_len, "what the rules need belongs to others");
		return -EEXIST;
	}
	if (setup_obstacles(s, p)) {
		snprintf(s->why, s->why_len, "this machine's settings would make the rules fail");
		return -ENOTSUP;
	}
	tell_conntrack(s, p);
	err = change_find(s, p, false, &c);
	something = c.add.n || c.del.n || c.nft.forward;
	if (!err)
		err = carry_out(s, p, &c, false);
	change_done(&c);
	if (err || s->o->dry_run || !taken_over || !something)
		return err;
	forget_captured(s, p);
	return forget_time_wait(s);
}

int setup_install(const struct plan *p, const struct setup_options *o, char *why, size_t why_len)
{
	struct setup s;
	int err = setup_begin(&s, p->name, p, true, o, why, why_len);

	if (!err)
		err = install(&s, p);
	setup_end(&s);
	return err;
}

static int mend(struct setup *s, const struct plan *p)
{
	struct change c = { 0 };
	int err = change_find(s, p, false, &c);
	bool something = c.add.n || c.del.n || c.nft.forward;

	if (!err && something)
		err = carry_out(s, p, &c, false);
	change_done(&c);
	return err ? err : something;
}

int setup_mend(const struct plan *p, const struct setup_options *o, char *why, size_t why_len)
{
	struct setup s;
	int err = setup_begin(&s, p->name, p, false, o, why, why_len);

	if (!err && s.journal.exists)
		err = mend(&s, p);
	setup_end(&s);
	return err;
}

static int update(struct setup *s, const struct plan *p)
{
	struct change c = { 0 };
	int err;

	if (!s->journal.exists) {
		snprintf(s->why, s->why_len, "nothing is set up that could be updated");
		return -ENOENT;
	}
	err = change_find(s, p, true, &c);
	if (!err && (c.add.n || c.del.n || c.nft.forward))
		err = carry_out(s, p, &c, true);
	change_done(&c);
	if (err || s->o->dry_run)
		return err;
	forget_captured(s, p);
	return forget_time_wait(s);
}

int setup_update(const struct plan *p, const struct setup_options *o, char *why, size_t why_len)
{
	struct setup s;
	int err = setup_begin(&s, p->name, p, false, o, why, why_len);

	if (!err)
		err = update(&s, p);
	setup_end(&s);
	return err;
}

static int remove_all(struct setup *s)
{
	struct change c = { 0 };
	int err = change_find_removal(s, &c);

	if (!err) {
		change_tell(s, &c);
		err = s->o->dry_run ? 0 : change_do(s, &c, false);
	}
	change_done(&c);
	if (err || s->o->dry_run)
		return err;
	err = journal_remove(s->lock, s->name);
	if (err) {
		snprintf(s->why, s->why_len, "the journal cannot be removed: %s", strerror(-err));
		return err;
	}
	return forget_time_wait(s);
}

int setup_remove(const char *name, const struct setup_options *o, char *why, size_t why_len)
{
	struct setup s;
	int err = setup_begin(&s, name, NULL, false, o, why, why_len);

	if (!err && s.journal.exists)
		err = remove_all(&s);
	setup_end(&s);
	return err;
}
