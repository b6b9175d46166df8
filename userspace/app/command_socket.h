/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands to the running daemon, over a unix socket in the instance's folder: a line in, a line
 * out, "ok TEXT" or "error TEXT". Root and the daemon's own user may. Control thread only.
 */
#ifndef APP_COMMAND_SOCKET_H
#define APP_COMMAND_SOCKET_H

#include "app/worker.h"

#define COMMAND_SOCKET	 "control.sock"
#define COMMAND_LINE_MAX 128

struct command_socket;

/* Before privileges are dropped. NULL where there is no region or no socket; the log says why. */
struct command_socket *command_socket_open(struct program *p, struct loop *l);
/* Before the region goes. NULL is ignored. */
void command_socket_close(struct command_socket *s);

/* What a line asks for, done; the answer, without a newline, into reply. */
void command_run(struct program *p, char *line, char *reply, size_t reply_len);

#endif
