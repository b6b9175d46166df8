// SPDX-License-Identifier: GPL-2.0-or-later
// `anytlsctl rules`: what a configuration's transparent inbounds tell the kernel, without a daemon.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "anytlsctl/ctl.h"
#include "app/steering.h"

#define WHY_MAX 400

/* What one run of the command works with. */
struct rules {
	const struct config *c;
	struct setup_options options;
	char why[WHY_MAX];
};

static int failed(const struct rules *r, const char *name)
{
	fprintf(stderr, "%s: %s: %s\n", CTL_NAME, name, r->why);
	return CTL_PROBLEM;
}

static int install(struct rules *r, const struct plan *p)
{
	return setup_install(p, &r->options, r->why, sizeof(r->why)) < 0 ? failed(r, p->name)
									 : CTL_OK;
}

static int undo(struct rules *r, const struct plan *p)
{
	return setup_remove(p->name, &r->options, r->why, sizeof(r->why)) < 0 ? failed(r, p->name)
									      : CTL_OK;
}

/* No problem: rules may be there before the first daemon is. */
static void warn_of_program(const struct rules *r, const struct plan *p)
{
	struct steer_counters ignored;
	char pins[PATH_MAX];

	steering_pins(r->c->steering.pins, r->c->state.name, pins);
	if (p->steering == STEERING_SK_LOOKUP && steer_counters_read(pins, &ignored) == -ENOENT)
		printf("warning: no program is loaded in %s: until a daemon has started, services "
		       "of this machine that listen on all addresses get what is captured\n",
		       pins);
}

static int check(struct rules *r, const struct plan *p)
{
	int n = setup_check(p, &r->options, r->why, sizeof(r->why));

	if (n < 0)
		return failed(r, p->name);
	warn_of_program(r, p);
	printf("%s: %d problem%s\n", p->name, n, n == 1 ? "" : "s");
	return n ? CTL_PROBLEM : CTL_OK;
}

static int print(struct rules *r, const struct plan *p)
{
	(void)r;
	setup_print(p, stdout);
	return CTL_OK;
}

/* The BPF program goes with the last of an instance's rules. */
static int unpin(struct rules *r, const char *name)
{
	char pins[PATH_MAX];

	(void)name;
	steering_pins(r->c->steering.pins, r->c->state.name, pins);
	if (r->options.dry_run) {
		printf("remove the program and maps in %s, if there are any\n", pins);
		return CTL_OK;
	}
	if (steer_remove(pins, r->why, sizeof(r->why)) < 0)
		return failed(r, pins);
	*strrchr(pins, '/') = '\0';
	rmdir(pins); /* of all instances: stays while another one has something there */
	return CTL_OK;
}

static const struct {
	const char *name;
	int (*each)(struct rules *r, const struct plan *p);
	int (*after)(struct rules *r, const char *name);
} verbs[] = {
	{ "install", install, NULL },
	{ "remove", undo, unpin },
	{ "check", check, NULL },
	{ "print", print, NULL },
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int run_all(struct rules *r, size_t verb)
{
	int status = CTL_OK, one;

	for (size_t i = 0; i < r->c->n_inbounds; i++) {
		const struct config_inbound *in = &r->c->inbounds[i];
		struct plan p;

		if (!steering_has_plan(in))
			continue;
		if (steering_plan(r->c, in, &p, r->why, sizeof(r->why)) < 0) {
			status = failed(r, in->tag);
			continue;
		}
		one = verbs[verb].each(r, &p);
		status = one == CTL_OK ? status : one;
		prefix_list_done(&p.bypass);
	}
	if (status == CTL_OK && verbs[verb].after)
		status = verbs[verb].after(r, NULL);
	return status;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: %s rules install|remove|check|print [--dry-run] -c CONFIG\n"
		"       %s rules remove [--dry-run] -n NAME [-d DIRECTORY]\n",
		CTL_NAME, CTL_NAME);
	return CTL_USAGE;
}

static void print_name(const char *name, void *arg)
{
	(void)arg;
	fprintf(stderr, "  %s\n", name);
}

static void note_name(const char *name, void *arg)
{
	const char **wanted = arg;

	if (*wanted && !strcmp(*wanted, name))
		*wanted = NULL;
}

/* What a configuration made that is not there any more, or not valid: the journal knows. */
static int remove_named(struct rules *r, const char *name)
{
	const char *wanted = name;

	setup_each(r->options.directory, note_name, &wanted);
	if (wanted) {
		fprintf(stderr, "%s: %s has no set-up %s, only:\n", CTL_NAME, r->options.directory,
			name);
		setup_each(r->options.directory, print_name, NULL);
		return CTL_PROBLEM;
	}
	return setup_remove(name, &r->options, r->why, sizeof(r->why)) < 0 ? failed(r, name)
									   : CTL_OK;
}

static int with_config(struct rules *r, const char *path, size_t verb)
{
	struct config *c;
	int status;

	if (config_load_quietly(path, stderr, &c) < 0)
		return CTL_PROBLEM;
	r->c = c;
	r->options.directory = steering_directory(c);
	status = run_all(r, verb);
	config_free(c);
	return status;
}

static size_t verb_of(const char *name)
{
	size_t i = 0;

	while (i < N_VERBS && strcmp(verbs[i].name, name) != 0)
		i++;
	return i;
}

int ctl_rules(int argc, char **argv)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
						 { "dry-run", no_argument, NULL, 'N' },
						 { 0 } };
	struct rules r = { .options = { .directory = STEERING_DIRECTORY, .report = stdout } };
	const char *path = NULL, *name = NULL;
	size_t verb;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:n:d:N", options, NULL)) != -1) {
		if (opt == 'c')
			path = optarg;
		else if (opt == 'n')
			name = optarg;
		else if (opt == 'd')
			r.options.directory = optarg;
		else if (opt == 'N')
			r.options.dry_run = true;
		else
			return usage();
	}
	verb = optind + 1 == argc ? verb_of(argv[optind]) : N_VERBS;
	if (verb < N_VERBS && path && !name)
		return with_config(&r, path, verb);
	if (verb < N_VERBS && verbs[verb].each == undo && name && !path)
		return remove_named(&r, name);
	return usage();
}
