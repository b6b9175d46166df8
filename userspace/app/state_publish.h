/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control thread's part of the shared region: its life, and what it writes once a second. */
#ifndef APP_STATE_PUBLISH_H
#define APP_STATE_PUBLISH_H

#include "app/worker.h"

#define STATE_PUBLISH_MS 1000

/* Before privileges are dropped and workers made: sets p->state. Where it cannot be shown, or is
 * not to be, that stays NULL; the log says why. */
void state_publish_open(struct program *p);

/* Copies the workers' counters and the program's counts. Does nothing without a region. */
void state_publish(const struct program *p, bool draining);

#endif
