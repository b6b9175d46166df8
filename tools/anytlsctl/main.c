// SPDX-License-Identifier: GPL-2.0-or-later
// The command table of anytlsctl.
#include <stdio.h>
#include <string.h>

#include "anytlsctl/ctl.h"
#include "app/version.h"

static const struct {
	const char *name, *usage;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "status", "status         the daemon and its counters", ctl_status },
	{ "sessions", "sessions       who is connected, how, and since when", ctl_sessions },
	{ "streams", "streams        what is proxied, by which engine", ctl_streams },
	{ "kernel", "kernel [-j]    what this machine's kernel can do; needs no daemon",
	  ctl_kernel },
	{ "rules",
	  "rules VERB     install, remove, check or print what captures traffic; -c CONFIG",
	  ctl_rules },
	{ "steering", "steering [-j]  what became of captured packets; needs no daemon",
	  ctl_steering },
	{ "ktls", "ktls on|off    whether new sessions may use kernel TLS", ctl_ktls },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *to)
{
	fprintf(to, "usage: %s COMMAND [-j] [-n NAME | -d DIR]\n\n", CTL_NAME);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %s %s\n", CTL_NAME, commands[i].usage);
	fprintf(to,
		"\n  -j       JSON\n"
		"  -n NAME  the instance, as in the configuration's state.name; default: %s\n"
		"  -d DIR   its folder, as in state.directory\n"
		"\nExit status: 0 done, 1 failed, 2 usage, 3 no daemon runs. See %s(8).\n",
		PROGRAM_NAME, CTL_NAME);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return CTL_OK;
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
		printf("%s %s\n", CTL_NAME, PROGRAM_VERSION);
		return CTL_OK;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	usage(stderr);
	return CTL_USAGE;
}
