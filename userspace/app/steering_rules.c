// SPDX-License-Identifier: GPL-2.0-or-later
// The rules of the inbounds that capture: made at the start, with the lists of the day, and mended.
#include "app/steering_rules.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/steering_report.h"
#include "net/guard.h"

#define AGAIN_MS 5000 /* a lock that another holds, memory: what could not be put right then */

/* What is set up for an inbound, and what was said of it: each trouble is told once, and its end.
 */
struct kept {
	struct prefix_list bypass;
	bool broken;   /* rules may be missing */
	bool outdated; /* a newer bypass list is not in place */
};

struct steering_rules {
	struct program *p;
	struct loop *loop;
	struct timer again; /* something could not be put right */
	bool stale;	    /* a bypass list among it */
	struct guard_watch guarded;
	struct guard *guard;
	struct kept *kept; /* by inbound */
};

/* Rather than by `anytlsctl rules`, or another program. */
static bool is_set_up_here(const struct config_inbound *in)
{
	return steering_has_plan(in) && in->transparent.set_up;
}

static int install(struct steering_rules *s, size_t i, char *why, size_t why_len)
{
	const struct config *c = s->p->config;
	const struct config_inbound *in = &c->inbounds[i];
	struct steering_report r;
	struct plan plan;
	int err;

	if (!steering_has_plan(in))
		return 0;
	err = steering_plan(c, in, &plan, why, why_len);
	if (err)
		return err;
	s->kept[i].bypass = plan.bypass;
	if (!in->transparent.set_up)
		return 0;
	steering_report_start(&r, c);
	err = setup_install(&plan, &r.options, why, why_len);
	steering_report_end(&r, in->tag);
	return err;
}

/* The user that is left later writes journals, too. */
static void give_directory(const struct config *c)
{
	struct passwd *pw = c->user && geteuid() == 0 ? getpwnam(c->user) : NULL;
	const char *path = steering_directory(c);

	mkdir(path, 0700);
	if (!pw)
		return;
	if (!setup_only_journals(path))
		log_warn("steering",
			 "%s is not given to %s, for it holds more than journals: changed bypass "
			 "lists will not take effect; choose another \"steering\".\"directory\"",
			 path, c->user);
	else if (chown(path, pw->pw_uid, pw->pw_gid) < 0)
		log_warn("steering", "%s: %s: changed bypass lists will not take effect", path,
			 strerror(errno));
}

static void tell_mended(const char *tag, struct kept *k, int n, const char *why)
{
	if (n < 0 && !k->broken)
		log_error(tag, "rules may be missing, and cannot be made again yet: %s", why);
	else if (n > 0)
		log_warn(tag, "rules that had gone missing are in place again");
	else if (n == 0 && k->broken)
		log_warn(tag, "no rules are missing after all");
	k->broken = n < 0;
}

/* Whether all of an inbound's rules stand. */
static bool mend(struct steering_rules *s, size_t i)
{
	const struct config_inbound *in = &s->p->config->inbounds[i];
	struct plan plan = in->transparent.plan;
	struct steering_report r;
	char why[300];
	int n;

	plan.bypass = s->kept[i].bypass; /* as it was set up, whatever the files say now */
	steering_report_start(&r, s->p->config);
	n = setup_mend(&plan, &r.options, why, sizeof(why));
	steering_report_end(&r, in->tag);
	tell_mended(in->tag, &s->kept[i], n, why);
	return n >= 0;
}

static int put(struct steering_rules *s, const char *tag, const struct plan *plan, char *why,
	       size_t why_len)
{
	struct steering_report r;
	int err;

	steering_report_start(&r, s->p->config);
	err = setup_update(plan, &r.options, why, why_len);
	steering_report_end(&r, tag);
	return err;
}

static void tell_updated(const char *tag, struct kept *k, int err, size_t n, const char *why)
{
	if (!err)
		log_info(tag, "%zu networks are bypassed now", n);
	else if (!k->outdated)
		log_error(tag, "the new bypass list is not in place yet: %s", why);
	k->outdated = err;
}

/* Whether an inbound's bypass list is that of the files, or they say nothing of use. */
static bool update(struct steering_rules *s, size_t i)
{
	const struct config_inbound *in = &s->p->config->inbounds[i];
	struct kept *k = &s->kept[i];
	struct plan plan;
	char why[300];
	bool same;
	int err = steering_plan(s->p->config, in, &plan, why, sizeof(why));

	if (err) {
		log_error(in->tag, "the bypass list stays as it was: %s", why);
		return true;
	}
	same = prefix_list_equal(&plan.bypass, &k->bypass);
	if (!same)
		err = put(s, in->tag, &plan, why, sizeof(why));
	if (!same || k->outdated)
		tell_updated(in->tag, k, err, plan.bypass.n, why);
	prefix_list_done(err ? &plan.bypass : &k->bypass);
	if (!err)
		k->bypass = plan.bypass;
	return !err;
}

/* Whether all that one step had to do for the inbounds of a kind is done. */
static bool for_all(struct steering_rules *s, bool (*of_kind)(const struct config_inbound *in),
		    bool (*step)(struct steering_rules *s, size_t i))
{
	bool well = true;

	for (size_t i = 0; i < s->p->config->n_inbounds; i++)
		if (of_kind(&s->p->config->inbounds[i]))
			well &= step(s, i);
	return well;
}

static bool mend_all(struct steering_rules *s)
{
	return for_all(s, is_set_up_here, mend);
}

static bool update_all(struct steering_rules *s)
{
	return for_all(s, steering_has_plan, update);
}

static void try_again(struct timer *t)
{
	struct steering_rules *s = container_of(t, struct steering_rules, again);
	bool well = mend_all(s);

	if (s->stale)
		s->stale = !update_all(s);
	if (!well || s->stale)
		loop_arm(s->loop, t, AGAIN_MS, try_again);
}

static void disturbed(struct guard_watch *w)
{
	struct steering_rules *s = container_of(w, struct steering_rules, guarded);

	if (!mend_all(s))
		loop_arm(s->loop, &s->again, AGAIN_MS, try_again);
}

void steering_rules_renew(struct steering_rules *s)
{
	s->stale = !update_all(s);
	if (s->stale)
		loop_arm(s->loop, &s->again, AGAIN_MS, try_again);
}

static int start(struct steering_rules *s, struct loop *l, char *why, size_t why_len)
{
	const struct config *c = s->p->config;
	int err = 0;

	if (c->steering.own_mark)
		give_directory(c);
	for (size_t i = 0; !err && i < c->n_inbounds; i++)
		err = install(s, i, why, why_len);
	if (err)
		return err;
	s->guarded.disturbed = disturbed;
	s->guard = guard_start(l, &s->guarded, why, why_len);
	return s->guard ? 0 : -EIO;
}

int steering_rules_start(struct program *p, struct loop *l, struct steering_rules **ret, char *why,
			 size_t why_len)
{
	struct steering_rules *s = calloc(1, sizeof(*s));

	snprintf(why, why_len, "out of memory");
	if (!s)
		return -ENOMEM;
	*ret = s;
	s->p = p;
	s->loop = l;
	s->kept = calloc(p->config->n_inbounds, sizeof(*s->kept));
	return s->kept ? start(s, l, why, why_len) : -ENOMEM;
}

void steering_rules_stop(struct steering_rules *s)
{
	if (!s)
		return;
	loop_disarm(s->loop, &s->again);
	guard_stop(s->guard);
	for (size_t i = 0; s->kept && i < s->p->config->n_inbounds; i++)
		prefix_list_done(&s->kept[i].bypass);
	free(s->kept);
	free(s);
}

struct search {
	const struct config *c;
	bool found;
};

static void compare(const char *name, void *arg)
{
	struct search *s = arg;

	for (size_t i = 0; i < s->c->n_inbounds; i++)
		if (steering_has_plan(&s->c->inbounds[i]) &&
		    strcmp(s->c->inbounds[i].transparent.plan.name, name) == 0)
			s->found = true;
}

bool steering_rules_stand(const struct config *c)
{
	struct search s = { .c = c };

	setup_each(steering_directory(c), compare, &s);
	return s.found;
}

void steering_rules_remove(const struct config *c)
{
	char why[300];

	for (size_t i = 0; i < c->n_inbounds; i++) {
		const struct config_inbound *in = &c->inbounds[i];
		struct steering_report r;

		if (!is_set_up_here(in))
			continue;
		steering_report_start(&r, c);
		if (setup_remove(in->transparent.plan.name, &r.options, why, sizeof(why)) < 0)
			log_error(in->tag, "%s", why);
		steering_report_end(&r, in->tag);
	}
}
