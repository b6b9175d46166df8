// SPDX-License-Identifier: GPL-2.0-or-later
// "anytlsd url": reads links, and picks the half that prints them.
#include "app/commands.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/cmd_url_print.h"
#include "app/version.h"
#include "base/secret.h"
#include "proto/uri.h"

static int usage(FILE *out, int status)
{
	fputs("usage: " PROGRAM_NAME " url parse LINK|-\n"
	      "       " PROGRAM_NAME " url print -c FILE [--server HOST] [--user NAME] "
	      "[--password-file FILE|-]\n",
	      out);
	return status;
}

/* A comma list as an array. */
static json_t *split(const char *list)
{
	json_t *array = json_array();

	while (*list) {
		size_t n = strcspn(list, ",");

		if (n > 0)
			json_array_append_new(array, json_stringn(list, n));
		list += n + (list[n] == ',');
	}
	return array;
}

static json_t *tls_of(const struct uri *u)
{
	json_t *tls = json_pack("{s:b}", "enabled", 1);

	/* an IP address as server_name is verified and never sent, which is what such a link asks
	 * for */
	if (u->sni[0])
		json_object_set_new(tls, "server_name", json_string(u->sni));
	if (u->insecure)
		json_object_set_new(tls, "insecure", json_true());
	if (u->alpn[0])
		json_object_set_new(tls, "alpn", split(u->alpn));
	return tls;
}

static int print_outbound(const struct uri *u)
{
	json_t *out = json_pack("{s:s}", "type", "anytls");
	int err;

	if (u->label[0])
		json_object_set_new(out, "tag", json_string(u->label));
	json_object_set_new(out, "server", json_string(u->host));
	json_object_set_new(out, "server_port", json_integer(u->port));
	json_object_set_new(out, "password", json_string(u->password));
	json_object_set_new(out, "tls", tls_of(u));
	err = json_dumpf(out, stdout, JSON_INDENT(2));
	json_decref(out);
	if (err < 0) {
		fputs("the link holds text that is not UTF-8\n", stderr);
		return 1;
	}
	putchar('\n');
	return 0;
}

/* One line from standard input, so that the password need not stand in the process list. */
static bool read_line(char *out, size_t room)
{
	if (!fgets(out, (int)room, stdin)) {
		fputs("no link on standard input\n", stderr);
		return false;
	}
	out[strcspn(out, "\r\n")] = '\0';
	return true;
}

static int parse(const char *link)
{
	char line[URI_TEXT_MAX + 2];
	const char *why;
	struct uri u;
	int status = 1;

	if (strcmp(link, "-") == 0) {
		if (!read_line(line, sizeof(line)))
			return 1;
		link = line;
	}
	if (uri_parse(link, &u, &why) < 0)
		fprintf(stderr, "no usable link: %s\n", why);
	else if (!u.password[0])
		fputs("the link has no password\n", stderr);
	else
		status = print_outbound(&u);
	secret_wipe(&u, sizeof(u));
	secret_wipe(line, sizeof(line));
	return status;
}

int cmd_url(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout, 0);
	if (argc == 3 && strcmp(argv[1], "parse") == 0)
		return parse(argv[2]);
	if (argc >= 3 && strcmp(argv[1], "print") == 0) {
		int status = cmd_url_print(argc - 1, argv + 1);

		return status == 2 ? usage(stderr, 2) : status;
	}
	return usage(stderr, 2);
}
