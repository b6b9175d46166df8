// SPDX-License-Identifier: GPL-2.0-or-later
// The commands that a running daemon takes.
#include <stdio.h>
#include <string.h>

#include "app/command_socket.h"
#include "app/version.h"

/* `arg` is what follows the name, "" where nothing does. */
typedef void command_fn(struct program *p, const char *arg, char *reply, size_t reply_len);

static void run_ktls(struct program *p, const char *arg, char *reply, size_t reply_len)
{
	bool off = strcmp(arg, "off") == 0;

	if (!off && strcmp(arg, "on") != 0) {
		snprintf(reply, reply_len, "error ktls is on or off");
		return;
	}
	p->kernel_tls_off = off;
	log_info("state", "kernel TLS is %s for new sessions", off ? "off" : "on");
	snprintf(reply, reply_len, "ok new sessions %s kernel TLS",
		 off ? "keep away from" : "may use");
}

static void run_status(struct program *p, const char *arg, char *reply, size_t reply_len)
{
	(void)arg;
	snprintf(reply, reply_len,
		 "ok %s %s, %u workers, %u connections at anytls inbounds, %u local, %u busy, "
		 "kernel TLS %s",
		 PROGRAM_NAME, PROGRAM_VERSION, p->n_workers, p->n_sessions, p->n_local, p->n_busy,
		 p->kernel_tls_off ? "off" : "on");
}

static const struct {
	const char *name;
	command_fn *run;
} commands[] = {
	{ "ktls", run_ktls },
	{ "status", run_status },
};

void command_run(struct program *p, char *line, char *reply, size_t reply_len)
{
	char *arg = line + strcspn(line, " ");

	if (*arg)
		*arg++ = '\0';
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, line) == 0) {
			commands[i].run(p, arg, reply, reply_len);
			return;
		}
	snprintf(reply, reply_len, "error no such command: ktls, status");
}
