// SPDX-License-Identifier: GPL-2.0-or-later
// The command table.
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/version.h"

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("%s %s\n", PROGRAM_NAME, PROGRAM_VERSION);
	return 0;
}

static int cmd_help(int argc, char **argv);

static const struct {
	const char *name, *usage;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", "run -c FILE                        serve what FILE configures", cmd_run },
	{ "check", "check -c FILE                      say what is wrong with FILE", cmd_check },
	{ "url", "url parse LINK | url print -c FILE  read and write anytls:// links", cmd_url },
	{ "self-signed", "self-signed NAME...                make a certificate and its key",
	  cmd_self_signed },
	{ "version", "version                            print the version", cmd_version },
	{ "help", "help                               print this", cmd_help },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *to)
{
	fprintf(to, "usage: %s COMMAND\n\n", PROGRAM_NAME);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %s %s\n", PROGRAM_NAME, commands[i].usage);
	fprintf(to, "\nSee anytlsd(8) and anytlsd.conf(5).\n");
}

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	usage(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0)
		name = "version";
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	usage(stderr);
	return 2;
}
