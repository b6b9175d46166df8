// SPDX-License-Identifier: GPL-2.0-or-later
// Set-ups that fail, or die, at each of their steps: a failure leaves everything as it was, and
// after a death both another set-up and a removal work. The linker has steps come here first.
#include <errno.h>
#include <sys/wait.h>

#include "setup_bed.h"

#include "net/journal.h"
#include "net/rtnl.h"

enum harm { NONE, FAIL, DIE };

static enum harm harm;
static int countdown; /* steps that still work */
static int steps;     /* that were taken */

int __real_rtnl_apply(struct rtnl *r, const struct object *o, size_t n, bool add, bool *done,
		      size_t *failed);
int __wrap_rtnl_apply(struct rtnl *r, const struct object *o, size_t n, bool add, bool *done,
		      size_t *failed);
int __real_nft_run(const char *commands, char *why, size_t why_len);
int __wrap_nft_run(const char *commands, char *why, size_t why_len);
int __real_journal_write(int lock, const char *name, const struct journal *j, char *why,
			 size_t why_len);
int __wrap_journal_write(int lock, const char *name, const struct journal *j, char *why,
			 size_t why_len);

/* -EIO where this step is the one; what comes behind it works again. */
static int step(void)
{
	steps++;
	if (harm == NONE || countdown-- > 0)
		return 0;
	if (harm == DIE)
		_exit(42);
	harm = NONE;
	return -EIO;
}

int __wrap_rtnl_apply(struct rtnl *r, const struct object *o, size_t n, bool add, bool *done,
		      size_t *failed)
{
	memset(done, 0, n * sizeof(*done));
	for (size_t i = 0; i < n; i++) {
		int err = step();

		*failed = i;
		if (!err)
			err = __real_rtnl_apply(r, o + i, 1, add, done + i, &(size_t){ 0 });
		if (err)
			return err;
	}
	return 0;
}

int __wrap_nft_run(const char *commands, char *why, size_t why_len)
{
	int err = step();

	snprintf(why, why_len, "made to fail");
	return err ? err : __real_nft_run(commands, why, why_len);
}

int __wrap_journal_write(int lock, const char *name, const struct journal *j, char *why,
			 size_t why_len)
{
	int err = step();

	snprintf(why, why_len, "made to fail");
	return err ? err : __real_journal_write(lock, name, j, why, why_len);
}

/* From nothing, or from a set-up of `from`, a call with `to`. */
struct way {
	const char *name;
	bool from_there;
	enum steering from, to;
	enum setup_call call;
};

static const struct way ways[] = {
	{ "sk_lookup", false, 0, STEERING_SK_LOOKUP, INSTALL },
	{ "sk_lookup to tproxy", true, STEERING_SK_LOOKUP, STEERING_TPROXY, INSTALL },
	{ "tproxy to sk_lookup", true, STEERING_TPROXY, STEERING_SK_LOOKUP, INSTALL },
	{ "redirect to tproxy", true, STEERING_REDIRECT, STEERING_TPROXY, INSTALL },
	{ "sk_lookup's lists", true, STEERING_SK_LOOKUP, STEERING_SK_LOOKUP, UPDATE },
	{ "tproxy's lists", true, STEERING_TPROXY, STEERING_TPROXY, UPDATE },
};

/* The first ones, which have all kinds of steps. */
#define DIED 3

struct bed {
	struct setup_bed *b;
	struct plan from, to;
	char *nothing, *before; /* dumps */
};

static void begin(struct bed *t, struct setup_bed *b, const struct way *w)
{
	*t = (struct bed){ .b = b };
	t->from = plan_bed("gw", w->from);
	t->to = plan_bed("gw", w->to);
	t->from.udp = t->to.udp = false;
	t->to.local = t->from.local = true;
	plan_bed_add(&t->from.bypass, "203.0.113.0/24");
	plan_bed_add(&t->to.bypass, "198.51.100.0/24");
	t->nothing = setup_bed_dump();
	if (w->from_there)
		setup_bed_do(b, INSTALL, &t->from);
	t->before = setup_bed_dump();
}

static void end(struct bed *t)
{
	harm = NONE;
	setup_bed_do(t->b, REMOVE, &t->to);
	setup_bed_same(t->nothing, setup_bed_dump());
	free(t->before);
	plan_done(&t->from);
	plan_done(&t->to);
}

/* Rules that were taken away and put back may be in another order of the same priority: sorted. */
static char *sorted_dump(void)
{
	return setup_bed_output("for f in 4 6; do ip -N -$f rule; ip -N -$f route show table all; "
				"done | sort; nft list ruleset");
}

static int count_steps(struct setup_bed *b, const struct way *w)
{
	struct bed t;
	int n;

	begin(&t, b, w);
	steps = 0;
	setup_bed_do(b, w->call, &t.to);
	n = steps;
	end(&t);
	return n;
}

static void fail_at(struct setup_bed *b, const struct way *w, int at)
{
	struct bed t;
	char *before;
	int err;

	begin(&t, b, w);
	before = sorted_dump();
	harm = FAIL;
	countdown = at;
	err = setup_bed_call(b, w->call, &t.to);
	harm = NONE;
	if (err != -EIO)
		fail_msg("%s, step %d: %d", w->name, at, err);
	setup_bed_same(before, sorted_dump());
	/* the journal is what it was, too */
	if (w->from_there)
		setup_bed_do(b, CHECK, &t.from);
	else
		assert_true(setup_bed_call(b, CHECK, &t.to) > 0);
	end(&t);
}

static void die_at(struct setup_bed *b, const struct way *w, int at, enum setup_call then)
{
	struct bed t;
	int status;
	pid_t child;

	begin(&t, b, w);
	child = fork();
	if (child == 0) {
		harm = DIE;
		countdown = at;
		setup_bed_call(b, w->call, &t.to);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 42);
	if (then == INSTALL) {
		setup_bed_do(b, INSTALL, &t.to);
		setup_bed_do(b, CHECK, &t.to);
	}
	end(&t);
}

static void setup__a_step_fails__everything_is_as_it_was(void **state)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		int n = count_steps(*state, &ways[i]);

		assert_true(n > 2);
		for (int at = 0; at < n - 1; at++)
			fail_at(*state, &ways[i], at);
	}
}

/* The journal of the step before it tells enough. */
static void setup__only_the_last_journal_fails__the_set_up_stands(void **state)
{
	struct setup_bed *b = *state;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		int n = count_steps(b, &ways[i]);
		struct bed t;

		begin(&t, b, &ways[i]);
		harm = FAIL;
		countdown = n - 1;
		setup_bed_do(b, ways[i].call, &t.to);
		assert_int_equal(harm, NONE);
		setup_bed_said(b, "warning: made to fail");
		if (ways[i].call == INSTALL)
			setup_bed_do(b, INSTALL, &t.to);
		setup_bed_do(b, CHECK, &t.to);
		end(&t);
	}
}

static void setup__died_at_a_step__another_one_takes_over(void **state)
{
	for (size_t i = 0; i < DIED; i++)
		for (int at = 0, n = count_steps(*state, &ways[i]); at < n; at++)
			die_at(*state, &ways[i], at, INSTALL);
}

static void setup__died_at_a_step__removal_leaves_nothing(void **state)
{
	for (size_t i = 0; i < DIED; i++)
		for (int at = 0, n = count_steps(*state, &ways[i]); at < n; at++)
			die_at(*state, &ways[i], at, REMOVE);
}

static void setup_remove__fails_or_dies_at_a_step__works_the_next_time(void **state)
{
	static const struct way whole = { "whole", true, STEERING_SK_LOOKUP, STEERING_SK_LOOKUP,
					  REMOVE };

	for (int at = 0, n = count_steps(*state, &whole); at < n; at++) {
		struct setup_bed *b = *state;
		struct bed t;

		die_at(b, &whole, at, REMOVE);
		die_at(b, &whole, at, INSTALL);
		begin(&t, b, &whole);
		harm = FAIL;
		countdown = at;
		assert_int_equal(setup_bed_call(b, REMOVE, &t.to), -EIO);
		end(&t);
	}
}

/* Half the steps are enough where each costs a process. */
static int up_without_ipv6(void **state)
{
	int err = setup_bed_up(state);

	return err ? err
		   : system("sysctl -qw net.ipv6.conf.all.forwarding=0 "
			    "net.ipv6.conf.lo.disable_ipv6=1");
}

int main(void)
{
#define CASE(f)	     cmocka_unit_test_setup_teardown(f, setup_bed_up, setup_bed_down)
#define IPV4_CASE(f) cmocka_unit_test_setup_teardown(f, up_without_ipv6, setup_bed_down)
	const struct CMUnitTest tests[] = {
		CASE(setup__a_step_fails__everything_is_as_it_was),
		CASE(setup__only_the_last_journal_fails__the_set_up_stands),
		IPV4_CASE(setup__died_at_a_step__another_one_takes_over),
		IPV4_CASE(setup__died_at_a_step__removal_leaves_nothing),
		IPV4_CASE(setup_remove__fails_or_dies_at_a_step__works_the_next_time),
	};
	const struct CMUnitTest none[] = { cmocka_unit_test(setup_bed_skip) };

	if (!setup_bed_can())
		return cmocka_run_group_tests(none, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
