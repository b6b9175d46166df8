// SPDX-License-Identifier: GPL-2.0-or-later
// What setting up says, line by line into the log.
#include "app/steering_report.h"

#include <stdlib.h>
#include <string.h>

#include "app/steering.h"

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* Each line of a report becomes one of the log: findings are for everybody, steps are not. */
static void log_report(const char *tag, char *text)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		log_at(begins(line, "problem: ")    ? LOG_LEVEL_ERROR
		       : begins(line, "taken: ")    ? LOG_LEVEL_ERROR
		       : begins(line, "warning: ")  ? LOG_LEVEL_WARN
		       : begins(line, "conntrack ") ? LOG_LEVEL_INFO
						    : LOG_LEVEL_DEBUG,
		       tag, "%s", line);
}

void steering_report_start(struct steering_report *r, const struct config *c)
{
	*r = (struct steering_report){ .options.directory = steering_directory(c) };
	r->options.report = open_memstream(&r->text, &r->len);
}

void steering_report_end(struct steering_report *r, const char *tag)
{
	if (!r->options.report)
		return;
	fclose(r->options.report);
	log_report(tag, r->text);
	free(r->text);
}
