// SPDX-License-Identifier: GPL-2.0-or-later
// "anytlsd check": reads a configuration and says what is wrong with it.
#include "app/commands.h"

#include <getopt.h>
#include <stdio.h>

#include "app/config.h"
#include "app/version.h"

static int usage(FILE *out, int status)
{
	fputs("usage: " PROGRAM_NAME " check -c FILE\n", out);
	return status;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	const char *path = NULL;
	unsigned problems;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout, 0);
		if (c != 'c')
			return usage(stderr, 2);
		path = optarg;
	}
	if (!path || optind < argc)
		return usage(stderr, 2);
	if (config_check(path, stdout, &problems) < 0) {
		printf("%u %s\n", problems, problems == 1 ? "problem" : "problems");
		return 1;
	}
	printf("%s: valid\n", path);
	return 0;
}
