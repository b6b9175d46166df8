// SPDX-License-Identifier: GPL-2.0-or-later
// What a set-up finds: its journal, and the routes and rules in the kernel.
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "net/machine.h"
#include "net/setup_impl.h"

void setup_say(const struct setup *s, const char *format, ...)
{
	va_list args;

	if (!s->o->report)
		return;
	va_start(args, format);
	vfprintf(s->o->report, format, args);
	va_end(args);
	fputc('\n', s->o->report);
}

static int fail(struct setup *s, int err, const char *what)
{
	snprintf(s->why, s->why_len, "%s: %s", what, strerror(-err));
	return err;
}

static bool is_one_bit(uint32_t mark)
{
	return mark && !(mark & (mark - 1));
}

/* Names go into nft text and into file names. */
static bool is_name(const char *text, const char *also)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_";

	if (!*text || !strcmp(text, ".") || !strcmp(text, ".."))
		return false;
	for (; *text; text++)
		if (!strchr(letters, *text) && !strchr(also, *text))
			return false;
	return true;
}

static const char *what_is_wrong(const struct plan *p)
{
	for (size_t i = 0; i < p->n_interfaces; i++)
		if (!is_name(p->interfaces[i], ".@+=,#%~"))
			return "an interface's name is empty or has a character that rules "
			       "cannot have";
	if (!p->n_interfaces && !p->local)
		return "nothing to capture: no interface, and not what this machine sends";
	if (!p->tcp && (!p->udp || p->steering == STEERING_REDIRECT))
		return "nothing to capture: no protocol";
	if (!is_one_bit(p->own_mark) || !is_one_bit(p->capture_mark) ||
	    p->own_mark == p->capture_mark)
		return "marks must be one bit each, and not the same";
	if (p->steering != STEERING_SK_LOOKUP && !p->port)
		return "no port to steer to";
	if (p->table == 0 || (p->table >= 253 && p->table <= 255))
		return "the table is one of the machine's own: choose another number";
	if (p->priority == 0 || p->priority > 32766 - PLAN_PRIORITIES)
		return "the priority must be behind that of the table local (0) and before that "
		       "of the table main (32766)";
	return NULL;
}

static int read_kernel(struct setup *s, uint32_t table)
{
	int err = rtnl_rules(s->rtnl, &s->rules);

	if (!err && table)
		err = rtnl_routes(s->rtnl, table, &s->routes);
	/* a set-up of another table may be left to undo */
	for (size_t i = 0; i < s->journal.objects.n && !err; i++) {
		const struct object *o = &s->journal.objects.at[i];
		bool seen = i > 0 && s->journal.objects.at[i - 1].table == o->table;

		if (o->kind == OBJECT_ROUTE && o->table != table && !seen)
			err = rtnl_routes(s->rtnl, o->table, &s->routes);
	}
	object_list_normal(&s->rules);
	object_list_normal(&s->routes);
	return err ? fail(s, err, "routes and rules cannot be read") : 0;
}

/* Found out at the first set-up: later its own rules have the kernel track. */
static bool find_conntrack(struct setup *s, bool anew)
{
	if (s->journal.decided && !(anew && setup_may_decide(s)))
		return s->journal.conntrack;
	return machine_has_conntrack();
}

/* A "no" can be asked again where no rules of ours have the kernel track. */
bool setup_may_decide(const struct setup *s)
{
	return !s->journal.conntrack && !s->journal.nft;
}

static int find_wanted(struct setup *s, const struct plan *p, bool anew)
{
	int err;

	s->layout.ipv6 = machine_has_ipv6();
	s->layout.conntrack = find_conntrack(s, anew);
	err = layout_bypass(p, &s->bypass);
	err = err ? err : layout_objects(p, &s->layout, &s->want);
	object_list_normal(&s->want);
	return err ? fail(s, err, "the plan cannot be laid out") : 0;
}

bool setup_is_there(const struct setup *s, const struct object *o)
{
	return object_list_has(o->kind == OBJECT_RULE ? &s->rules : &s->routes, o);
}

int setup_begin(struct setup *s, const char *name, const struct plan *p, bool anew,
		const struct setup_options *o, char *why, size_t why_len)
{
	const char *wrong = !is_name(name, "") || strlen(name) >= PLAN_NAME_MAX
				    ? "the name is empty, too long, or has odd characters"
			    : p ? what_is_wrong(p)
				: NULL;
	bool make = anew && !o->dry_run;
	int err;

	*s = (struct setup){ .name = name, .o = o, .why = why, .why_len = why_len, .lock = -1 };
	if (wrong) {
		snprintf(why, why_len, "%s", wrong);
		return -EINVAL;
	}
	s->lock = journal_lock(o->directory, make, why, why_len);
	if (s->lock < 0 && (make || s->lock != -ENOENT))
		return s->lock;
	err = s->lock < 0 ? 0 : journal_read(s->lock, name, &s->journal, why, why_len);
	if (!err) {
		err = rtnl_open(&s->rtnl);
		if (err)
			fail(s, err, "no rtnetlink socket");
	}
	if (!err)
		err = read_kernel(s, p ? p->table : 0);
	if (!err && p)
		err = find_wanted(s, p, anew);
	return err;
}

void setup_end(struct setup *s)
{
	rtnl_close(s->rtnl);
	journal_done(&s->journal);
	object_list_done(&s->rules);
	object_list_done(&s->routes);
	object_list_done(&s->want);
	prefix_list_done(&s->bypass);
	fd_close(s->lock);
	s->lock = -1;
}
