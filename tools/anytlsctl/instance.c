// SPDX-License-Identifier: GPL-2.0-or-later
// Which daemon is meant, and whether it lives.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "anytlsctl/ctl.h"
#include "app/version.h"

bool ctl_parse(int argc, char **argv, int n_words, struct ctl_options *ret)
{
	static const struct option none[] = { { 0 } };
	int opt;

	*ret = (struct ctl_options){ .name = PROGRAM_NAME };
	while ((opt = getopt_long(argc, argv, "jn:d:", none, NULL)) != -1) {
		if (opt == 'j')
			ret->json = true;
		else if (opt == 'n')
			ret->name = optarg;
		else if (opt == 'd')
			ret->dir = optarg;
		else
			return false;
	}
	ret->words = argv + optind;
	ret->n_words = argc - optind;
	if (ret->n_words == n_words && !strchr(ret->name, '/'))
		return true;
	fprintf(stderr, "%s: see %s --help\n", CTL_NAME, CTL_NAME);
	return false;
}

const char *ctl_folder(const struct ctl_options *o, char out[static PATH_MAX])
{
	const char *own = getenv("XDG_RUNTIME_DIR");

	if (o->dir) {
		snprintf(out, PATH_MAX, "%s", o->dir);
		return out;
	}
	snprintf(out, PATH_MAX, "/run/%s", o->name);
	/* as the daemon chooses: but a service's is in /run, whoever asks */
	if (geteuid() == 0 || access(out, F_OK) == 0)
		return out;
	if (own && *own == '/')
		snprintf(out, PATH_MAX, "%s/%s", own, o->name);
	else
		snprintf(out, PATH_MAX, "/run/user/%u/%s", geteuid(), o->name);
	return out;
}

int ctl_open(const struct ctl_options *o, struct state_reader *r)
{
	char dir[PATH_MAX], why[PATH_MAX + 200];
	int err = state_reader_open(r, ctl_folder(o, dir), why, sizeof(why));
	char *text;

	if (!err)
		return CTL_OK;
	text = ctl_escape(why);
	if (err == -ENOENT)
		fprintf(stderr, "%s: no daemon%s: %s\n", CTL_NAME,
			r->live ? " shows anything there" : " there", text);
	else
		fprintf(stderr, "%s: %s\n", CTL_NAME, text);
	free(text);
	state_reader_close(r);
	return err == -ENOENT && !r->live ? CTL_DEAD : CTL_PROBLEM;
}

int ctl_close(struct state_reader *r)
{
	time_t start = (time_t)(r->header.start_wall_ms / 1000);
	char when[40] = "?";
	struct tm tm;

	state_reader_close(r);
	if (r->live)
		return CTL_OK;
	if (gmtime_r(&start, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(stderr, "%s: no daemon runs; this is what process %u left, which began at %s\n",
		CTL_NAME, r->header.pid, when);
	return CTL_DEAD;
}
