/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How traffic comes to the inbounds that steer: what is set up at the start, and kept current. */
#ifndef APP_STEERING_H
#define APP_STEERING_H

#include <limits.h>

#include "app/program.h"
#include "net/setup.h"
#include "net/steer.h"

/* Of the journals, unless the configuration says another one. */
#define STEERING_DIRECTORY "/run/anytlsd-steering"

struct steering_control;

/*
 * Control thread, with the listeners bound and root's rights: loads and attaches the BPF program
 * where an inbound needs it, and makes rules where one asks for it. NULL without an error where no
 * inbound steers. 0, or -errno and why.
 */
int steering_start(struct program *p, struct loop *l, struct steering_control **ret, char *why,
		   size_t why_len);
/* The files of bypass lists changed. */
void steering_bypass_changed(struct steering_control *s);
/* Everything stays in place, and drops what it would have captured. NULL is ignored. */
void steering_stop(struct steering_control *s);

/* Whether an inbound's rules are ours: what `anytlsctl rules` works on. */
bool steering_has_plan(const struct config_inbound *in);
/*
 * The plan as it is now, with the lists of files. Only ret->bypass is the caller's, to
 * prefix_list_done(); the rest is the configuration's. 0, or -errno and why.
 */
int steering_plan(const struct config *c, const struct config_inbound *in, struct plan *ret,
		  char *why, size_t why_len);
/* Where the journals are. */
const char *steering_directory(const struct config *c);
/* The folder of an instance's pins in `pins` (NULL: the default one), into out; returns out. */
const char *steering_pins(const char *pins, const char *instance, char out[static PATH_MAX]);

#endif
