/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: a folder of its own, and regions in it. */
#ifndef TESTS_UNIT_STATE_BED_H
#define TESTS_UNIT_STATE_BED_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/state_read.h"
#include "app/state_region.h"
#include "app/state_slots.h"

#define STATE_BED_SESSIONS 100
#define STATE_BED_STREAMS  130

struct state_bed {
	char parent[64]; /* made for the test */
	char dir[80];	 /* in it: the instance's */
	struct config config;
	char why[2 * PATH_MAX + 200];
};

static inline int state_bed_set_up(void **state)
{
	struct state_bed *b = calloc(1, sizeof(*b));

	strcpy(b->parent, "/tmp/anytlsd-state-XXXXXX");
	if (!mkdtemp(b->parent))
		return -1;
	snprintf(b->dir, sizeof(b->dir), "%s/one", b->parent);
	b->config.state = (struct config_state){
		.enabled = true,
		.sessions = STATE_BED_SESSIONS,
		.streams = STATE_BED_STREAMS,
		.backing = STATE_BACKING_FILE,
		.directory = b->dir,
	};
	*state = b;
	return 0;
}

static inline int state_bed_tear_down(void **state)
{
	struct state_bed *b = *state;
	char command[100];
	int rc;

	snprintf(command, sizeof(command), "rm -r %s", b->parent);
	rc = system(command);
	free(b);
	return rc;
}

static inline struct state_region *state_bed_open(struct state_bed *b, unsigned workers)
{
	struct state_region *r = state_region_open(&b->config, workers, b->why, sizeof(b->why));

	if (!r)
		fail_msg("%s", b->why);
	return r;
}

static inline void state_bed_path(const struct state_bed *b, const char *name, char out[static 200])
{
	snprintf(out, 200, "%s/%s", b->dir, name);
}

/* A process that opens a region, shows a session of "alice" in it and dies. */
static inline void state_bed_crash(struct state_bed *b)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct state_region *r = state_region_open(&b->config, 1, b->why, sizeof(b->why));
		struct state_slots slots;
		struct state_session *s;

		if (!r)
			_exit(1);
		state_slots_init(&slots, r, 0, 1);
		s = state_slots_session(&slots);
		state_slot_begin(&s->seq);
		s->role = STATE_SERVER;
		state_put_text(s->user, sizeof(s->user), "alice");
		state_slot_end(&s->seq);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#endif
