/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test help: a network namespace and a folder of journals, and what rules are in the former. */
#ifndef TESTS_UNIT_SETUP_BED_H
#define TESTS_UNIT_SETUP_BED_H

#include <stdbool.h>

#include "netns_bed.h"
#include "plan_bed.h"

#include "net/nft.h"
#include "net/setup.h"

struct setup_bed {
	char dir[40];	 /* not made yet */
	char parent[32]; /* of it */
	char why[300];
	char *said; /* the last report; kept by the bed */
	struct setup_options options;
};

/* A namespace that forwards, in which nothing is tracked; the test is skipped where it cannot be.
 */
static inline int setup_bed_up(void **state)
{
	struct setup_bed *b = calloc(1, sizeof(*b));
	int fd = netns_new();

	assert_non_null(b);
	*state = b;
	strcpy(b->parent, "/tmp/anytlsd-setup-XXXXXX");
	if (fd < 0 || !mkdtemp(b->parent))
		return -1;
	close(fd);
	snprintf(b->dir, sizeof(b->dir), "%s/rules", b->parent);
	b->options.directory = b->dir;
	return system("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
		      "net.ipv4.conf.all.src_valid_mark=0 >/dev/null 2>&1; true");
}

static inline int setup_bed_down(void **state)
{
	struct setup_bed *b = *state;
	char command[100];
	int rc;

	snprintf(command, sizeof(command), "rm -rf %s", b->parent);
	rc = system(command);
	free(b->said);
	free(b);
	return rc;
}

/* Where a namespace may not be made, one skipped test says so. */
static inline bool setup_bed_can(void)
{
	char why[200], *text = NULL;
	int fd = netns_new();

	if (fd < 0)
		return false;
	close(fd);
	if (nft_list("list ruleset", NFT_FULL, &text, why, sizeof(why)) < 0) {
		print_message("no nftables: %s\n", why);
		return false;
	}
	free(text);
	return true;
}

static inline void setup_bed_skip(void **state)
{
	(void)state;
	skip();
}

static inline char *setup_bed_output(const char *command)
{
	char *text = NULL, buf[4096];
	size_t n, room;
	FILE *f = open_memstream(&text, &room), *from = popen(command, "r");

	assert_non_null(f);
	assert_non_null(from);
	while ((n = fread(buf, 1, sizeof(buf), from)))
		fwrite(buf, 1, n, f);
	pclose(from);
	fclose(f);
	return text;
}

/* All rules, routes and tables of the namespace; the caller's. */
static inline char *setup_bed_dump(void)
{
	char why[200], *nft = NULL, *ip, *both = NULL;

	ip = setup_bed_output("for f in 4 6; do ip -N -$f rule; ip -N -$f route show table all; "
			      "done");
	if (nft_list("list ruleset", NFT_FULL, &nft, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_true(asprintf(&both, "%s%s", ip, nft) > 0);
	free(ip);
	free(nft);
	return both;
}

enum setup_call { INSTALL, UPDATE, REMOVE, CHECK };

static inline int setup_bed_call(struct setup_bed *b, enum setup_call call, const struct plan *p)
{
	struct setup_options *o = &b->options;
	size_t n;
	int rc;

	free(b->said);
	b->said = NULL;
	o->report = open_memstream(&b->said, &n);
	assert_non_null(o->report);
	strcpy(b->why, "");
	if (call == INSTALL)
		rc = setup_install(p, o, b->why, sizeof(b->why));
	else if (call == UPDATE)
		rc = setup_update(p, o, b->why, sizeof(b->why));
	else if (call == REMOVE)
		rc = setup_remove(p->name, o, b->why, sizeof(b->why));
	else
		rc = setup_check(p, o, b->why, sizeof(b->why));
	fclose(o->report);
	o->report = NULL;
	return rc;
}

static inline void setup_bed_do(struct setup_bed *b, enum setup_call call, const struct plan *p)
{
	int rc = setup_bed_call(b, call, p);

	if (rc != 0)
		fail_msg("call %d: %d %s\n%s", call, rc, b->why, b->said);
}

static inline void setup_bed_said(const struct setup_bed *b, const char *part)
{
	if (!strstr(b->said, part))
		fail_msg("not said: %s\n%s", part, b->said);
}

/* Frees both. */
static inline void setup_bed_same(char *a, char *b)
{
	assert_string_equal(a, b);
	free(a);
	free(b);
}

#endif
