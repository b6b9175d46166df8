/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set-up's report on its way to the log. */
#ifndef APP_STEERING_REPORT_H
#define APP_STEERING_REPORT_H

#include "app/config.h"
#include "net/setup.h"

struct steering_report {
	char *text;
	size_t len;
	struct setup_options options; /* for net/setup.h; reports into text */
};

void steering_report_start(struct steering_report *r, const struct config *c);
/* Logs what came and frees it. */
void steering_report_end(struct steering_report *r, const char *tag);

#endif
