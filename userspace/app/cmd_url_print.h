/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The half of "anytlsd url" that makes links from a configuration. */
#ifndef APP_CMD_URL_PRINT_H
#define APP_CMD_URL_PRINT_H

/*
 * print -c FILE [--server HOST] [--user NAME] [--password-file FILE|-], argv[0] being "print".
 * Without --server one link for each anytls outbound; with it, one for each user of each anytls
 * inbound, as reached at HOST. 0, 1 (nothing to print, or a problem that was printed) or 2: usage.
 */
int cmd_url_print(int argc, char **argv);

#endif
