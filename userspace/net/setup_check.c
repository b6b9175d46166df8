// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a set-up still stands: what is missing, left over, changed by hand, or in its way.
#include <errno.h>
#include <stdlib.h>

#include "net/machine.h"
#include "net/nft.h"
#include "net/setup_impl.h"

#define TOLD 5 /* missing objects by name */

static int tell_some(const struct setup *s, const struct object_list *l, const char *what)
{
	char text[OBJECT_TEXT_MAX];

	for (size_t i = 0; i < l->n && i < TOLD; i++)
		setup_say(s, "%s: %s", what, object_text(&l->at[i], "add", text));
	if (l->n > TOLD)
		setup_say(s, "%s: %zu more", what, l->n - TOLD);
	return (int)l->n;
}

static int check_nft(struct setup *s, const struct plan *p, const struct change *c)
{
	int stands;

	if (c->nft_late && c->nft.forward) {
		setup_say(s, "left over: nft table inet %s", s->name);
		return 1;
	}
	if (c->nft_late)
		return 0;
	stands = setup_nft_stands(s, p);
	if (stands < 0)
		return stands;
	if (!stands)
		setup_say(s, "changed or missing: nft table inet %s", s->name);
	else if (c->nft.forward)
		setup_say(s, "changed: elements of the sets of nft table inet %s", s->name);
	return !stands || c->nft.forward;
}

/* Only where no rules of ours have the kernel track can it be told. */
static int check_conntrack(struct setup *s, const struct plan *p)
{
	if (p->steering != STEERING_SK_LOOKUP || p->spare_replies != SPARE_AUTO ||
	    !setup_may_decide(s) || !machine_tracks())
		return 0;
	setup_say(s, "changed: conntrack came into use, which can now let replies of LAN servers "
		     "through: install again");
	return 1;
}

static int check(struct setup *s, const struct plan *p)
{
	struct change c = { 0 };
	int n, nft;

	if (!s->journal.exists) {
		setup_say(s, "missing: nothing is set up");
		return 1 + setup_taken(s, p) + setup_obstacles(s, p);
	}
	n = change_find(s, p, false, &c);
	nft = n ? n : check_nft(s, p, &c);
	if (nft >= 0)
		n = nft + tell_some(s, &c.add, "missing") + tell_some(s, &c.del, "left over");
	change_done(&c);
	if (nft < 0)
		return nft;
	return n + check_conntrack(s, p) + setup_taken(s, p) + setup_obstacles(s, p);
}

int setup_check(const struct plan *p, const struct setup_options *o, char *why, size_t why_len)
{
	struct setup s;
	int n = setup_begin(&s, p->name, p, false, o, why, why_len);

	if (!n)
		n = check(&s, p);
	setup_end(&s);
	return n;
}
