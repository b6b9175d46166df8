/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program's commands; argv[0] is the command's own name. Each returns the exit status: 0 done,
 * 1 failed, 2 usage. */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

/* run -c FILE: serves until SIGTERM. */
int cmd_run(int argc, char **argv);

/* check -c FILE: prints "FILE: valid", or what is wrong and "N problems". */
int cmd_check(int argc, char **argv);

/* url parse LINK|-: an outbound for a configuration. url print -c FILE [...]: links for what FILE
 * configures. */
int cmd_url(int argc, char **argv);

/* self-signed [--cert FILE] [--key FILE] [--days N] [--force] NAME...: makes a certificate and its
 * key. */
int cmd_self_signed(int argc, char **argv);

#endif
