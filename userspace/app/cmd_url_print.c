// SPDX-License-Identifier: GPL-2.0-or-later
// Makes anytls:// links from the outbounds or the inbounds' users of a configuration.
#include "app/cmd_url_print.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "app/config_file.h"
#include "app/config_json.h"
#include "app/config_parts.h"
#include "base/secret.h"
#include "proto/uri.h"

struct job {
	const char *path, *server, *user, *password_path;
	char *password; /* in place of the configured ones, or NULL */
	unsigned printed;
	bool failed;
};

/* Copies text if it fits. */
static bool put(char *out, size_t room, const char *text)
{
	if (strlen(text) >= room)
		return false;
	strcpy(out, text);
	return true;
}

static const char *text_of(struct config_ref object, const char *key)
{
	const char *text = json_string_value(config_member(object, key).v);

	return text ? text : "";
}

static bool put_alpn(struct uri *u, struct config_ref alpn)
{
	char *list = NULL;
	struct config_reader r = { 0 };
	bool good;

	if (!alpn.v)
		return true;
	good = config_read_joined(&r, alpn, ',', &list) && put(u->alpn, sizeof(u->alpn), list);
	free(list);
	return good;
}

static void print_link(struct job *j, struct config_ref where, struct uri *u, bool fits)
{
	char out[URI_TEXT_MAX];

	if (!fits || uri_put(u, out, sizeof(out)) < 0) {
		fprintf(stderr, "%s: number %zu: its values are too long for a link\n", j->path,
			where.n->index + 1);
		j->failed = true;
	} else {
		puts(out);
		j->printed++;
	}
	secret_wipe(out, sizeof(out));
	secret_wipe(u, sizeof(*u));
}

static void print_outbound(struct job *j, struct config_ref out)
{
	struct config_ref tls = config_member(out, "tls");
	struct uri u = { .port = (uint16_t)json_integer_value(
				 config_member(out, "server_port").v) };
	bool fits = put(u.host, sizeof(u.host), text_of(out, "server")) &&
		    put(u.password, sizeof(u.password),
			j->password ? j->password : text_of(out, "password")) &&
		    put(u.sni, sizeof(u.sni), text_of(tls, "server_name")) &&
		    put(u.label, sizeof(u.label), text_of(out, "tag")) &&
		    put_alpn(&u, config_member(tls, "alpn"));

	/* a link says "send no name" by an IP address in place of it */
	if (fits && json_is_true(config_member(tls, "disable_sni").v)) {
		u.no_sni = true;
		put(u.sni, sizeof(u.sni), "127.0.0.1");
		fprintf(stderr,
			"%s: number %zu: disable_sni becomes sni=127.0.0.1, which some clients "
			"verify\n",
			j->path, out.n->index + 1);
	}
	u.insecure = json_is_true(config_member(tls, "insecure").v);
	print_link(j, out, &u, fits);
}

static void print_user(struct job *j, struct config_ref in, struct config_ref user)
{
	struct config_ref tls = config_member(in, "tls");
	const char *name = text_of(user, "name");
	struct uri u = { .port = (uint16_t)json_integer_value(config_member(in, "listen_port").v) };
	bool fits = put(u.host, sizeof(u.host), j->server) &&
		    put(u.password, sizeof(u.password),
			j->password ? j->password : text_of(user, "password")) &&
		    put(u.sni, sizeof(u.sni), text_of(tls, "server_name")) &&
		    put(u.label, sizeof(u.label), name) && put_alpn(&u, config_member(tls, "alpn"));

	if (!j->user || strcmp(j->user, name) == 0)
		print_link(j, user, &u, fits);
	secret_wipe(&u, sizeof(u));
}

static void print_inbound(struct job *j, struct config_ref in)
{
	struct config_list users = config_list_start(config_member(in, "users"));

	if (!json_is_true(config_member(config_member(in, "tls"), "enabled").v))
		fprintf(stderr,
			"%s: inbound %zu has no TLS: its links work through a TLS front only\n",
			j->path, in.n->index + 1);
	for (; users.item.v; config_list_next(&users))
		print_user(j, in, users.item);
}

/* FILE was checked before: types are right and required keys are there. */
static void print_all(struct job *j, struct config_ref top)
{
	struct config_ref array = config_member(top, j->server ? "inbounds" : "outbounds");
	struct config_list l = config_list_start(array);

	for (; array.v && l.item.v; config_list_next(&l)) {
		if (strcmp(text_of(l.item, "type"), "anytls") != 0)
			continue;
		if (j->server)
			print_inbound(j, l.item);
		else
			print_outbound(j, l.item);
	}
	if (j->printed == 0 && !j->failed)
		fprintf(stderr, "%s: no anytls %s%s\n", j->path,
			j->user	    ? "user of that name"
			: j->server ? "inbound"
				    : "outbound",
			j->server ? "" : " (links of the inbounds' users need --server HOST)");
}

static int read_password(struct job *j)
{
	size_t n;
	int err = strcmp(j->password_path, "-") == 0
			  ? config_fd_read(STDIN_FILENO, CONFIG_TEXT_MAX, &j->password, &n)
			  : config_file_read(j->password_path, CONFIG_TEXT_MAX, &j->password, &n);

	if (err < 0) {
		fprintf(stderr, "%s: %s\n", j->password_path, strerror(-err));
		return 1;
	}
	j->password[strcspn(j->password, "\r\n")] = '\0';
	if (!*j->password)
		fprintf(stderr, "%s: no password in the first line\n", j->password_path);
	return *j->password ? 0 : 1;
}

static int print_file(struct job *j)
{
	struct config_report report = { .out = stderr, .file = j->path };
	struct config_json json = { 0 };
	char *text;
	unsigned problems;
	int err;

	if (config_check(j->path, stderr, &problems) < 0)
		return 1;
	err = config_file_read(j->path, CONFIG_FILE_MAX, &text, &report.len);
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", j->path, strerror(-err));
		return 1;
	}
	report.text = text;
	if (config_json_read(&report, &json) == 0)
		print_all(j, json.root);
	config_report_end(&report);
	config_json_done(&json);
	secret_wipe(text, report.len);
	free(text);
	return j->printed > 0 && !j->failed ? 0 : 1;
}

int cmd_url_print(int argc, char **argv)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
						 { "server", required_argument, NULL, 's' },
						 { "user", required_argument, NULL, 'u' },
						 { "password-file", required_argument, NULL, 'p' },
						 { 0 } };
	struct job j = { 0 };
	int c, status = 0;

	optind = 1;
	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (c == '?')
			return 2;
		*(c == 'c'   ? &j.path
		  : c == 's' ? &j.server
		  : c == 'u' ? &j.user
			     : &j.password_path) = optarg;
	}
	if (!j.path || optind < argc || (j.user && !j.server))
		return 2;
	if (j.server && !config_is_host(j.server)) {
		fputs("--server takes a host name or an IP address\n", stderr);
		return 2;
	}
	if (j.password_path)
		status = read_password(&j);
	if (status == 0)
		status = print_file(&j);
	if (j.password)
		secret_wipe(j.password, strlen(j.password));
	free(j.password);
	return status;
}
