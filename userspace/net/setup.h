/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policy rules, routes and nft rules of a plan: made, looked after, and undone exactly.
 *
 * What is made is written to a journal first (DIRECTORY/NAME.rules), so that it can be undone
 * whatever happens. Everything that is not in a journal is somebody else's and is never touched.
 * Works on the network namespace of the calling thread; needs CAP_NET_ADMIN.
 */
#ifndef NET_SETUP_H
#define NET_SETUP_H

#include <stdio.h>

#include "net/plan.h"

struct setup_options {
	const char *directory; /* of journals; made (0700) where it is missing */
	bool dry_run;	       /* says what would be done to `report`, and does nothing */
	FILE *report;	       /* one line each: steps, warnings; NULL: nobody listens */
};

/*
 * Makes what the plan says. What an earlier set-up of the same name left is taken over: what is the
 * same stays in place, so that no flow notices, the rest is replaced. 0, or -errno and one line in
 * why, with everything as it was: -EEXIST where table, priority or nft table is taken, -ENOTSUP
 * where the machine's settings would make it fail (each problem is a line of the report, with what
 * to change), -EPERM, ...
 */
int setup_install(const struct plan *p, const struct setup_options *o, char *why, size_t why_len);

/* The bypass lists of a set-up that stands become the plan's. 0, or -errno and why. Destroys the
 * TIME_WAIT sockets that captured flows left, and sockets of flows that are bypassed now
 * (net/time_wait.h). */
int setup_update(const struct plan *p, const struct setup_options *o, char *why, size_t why_len);

/*
 * What is missing of a set-up that stands, because another tool took it away, is made again; of one
 * that was never made, or removed, nothing. 1: something was missing, 0, or -errno and why.
 */
int setup_mend(const struct plan *p, const struct setup_options *o, char *why, size_t why_len);

/*
 * Undoes what the journal of that name says, and destroys the TIME_WAIT sockets that captured flows
 * left. Nothing to undo is no error. 0, or -errno and why: then the journal stays, for another try.
 */
int setup_remove(const char *name, const struct setup_options *o, char *why, size_t why_len);

/*
 * Whether the set-up stands as the plan says and will work: each problem is a line of the report.
 * Returns their number, or -errno and why.
 */
int setup_check(const struct plan *p, const struct setup_options *o, char *why, size_t why_len);

/* The plan as `ip` and `nft` commands, for people. */
void setup_print(const struct plan *p, FILE *to);

/* Calls each() for the name of each journal in the directory. 0 or -errno. */
int setup_each(const char *directory, void (*each)(const char *name, void *arg), void *arg);

/* Whether the directory holds journals and nothing else: it may be a folder like /run. */
bool setup_only_journals(const char *directory);

#endif
