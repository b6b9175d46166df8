/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building and taking down everything that the threads share. */
#ifndef APP_PROGRAM_H
#define APP_PROGRAM_H

#include "app/worker.h"

/* Binds the ports and makes the shared parts; no threads yet. 0, or -errno with a reason in why. */
int program_init(struct program *p, const struct config *c, char *why, size_t why_len);
/* Loads what the sockmap engine needs, with the rights that are gone later, where a relay asks for
 * it. 0 (a kernel that cannot is none: it is logged) or -ENOMEM. */
int program_sockmaps(struct program *p);
/* Makes the workers and starts their threads. 0, or -errno with a reason; program_done() cleans up.
 */
int program_start(struct program *p, char *why, size_t why_len);
/* Stops what runs and frees everything. */
void program_done(struct program *p);

/* Reads changed certificate files; what happened goes to the log. */
void program_reload_certificates(struct program *p);
/*
 * Reads the lists anew that rules and transparent inbounds name, where a file changed; what
 * happened goes to the log. All of them are used, or where one cannot be, all old ones stay. true
 * where route_bypass() of some inbound may give another list than before.
 */
bool program_reload_lists(struct program *p);
/* Writes the sums of all counters to the log. */
void program_log_counters(const struct program *p);

#endif
