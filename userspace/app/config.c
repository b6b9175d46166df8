// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a configuration: file, JSON, tables, and the log's file; frees it.
#include "app/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_file.h"
#include "app/config_json.h"
#include "app/config_parts.h"
#include "base/fd.h"
#include "base/secret.h"

#define LOG_MODE 0640

/* Whether the log goes to a file of its own, and which. */
static const char *log_path(const struct config *c)
{
	if (c->log_disabled)
		return "/dev/null";
	if (!c->log_output || !*c->log_output || strcmp(c->log_output, "stderr") == 0 ||
	    strcmp(c->log_output, "stdout") == 0)
		return NULL;
	return c->log_output;
}

static int open_log(struct config_report *r, struct config *c)
{
	const char *path = log_path(c);
	int fd;

	if (!path) {
		c->log.fd = c->log_output && strcmp(c->log_output, "stdout") == 0 ? 1 : 2;
		return 0;
	}
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, LOG_MODE);
	if (fd < 0) {
		int err = -errno;

		config_error_at(r, 0, "log.output: %s: %s", ECHO(path), strerror(-err));
		return err;
	}
	c->log.fd = fd;
	return 0;
}

static int parse(struct config_reader *r, struct config **ret)
{
	struct config_json j = { 0 };
	int err;

	r->c = malloc(sizeof(*r->c));
	if (!r->c)
		return -ENOMEM;
	config_defaults(r->c);
	err = config_json_read(&r->report, &j);
	if (err == 0) {
		config_read_top(r, j.root);
		err = r->oom ? -ENOMEM : r->report.errors > 0 ? -EINVAL : 0;
	}
	config_json_done(&j);
	if (err == -ENOMEM)
		fprintf(r->report.out, "%s: out of memory\n", r->report.file);
	if (err < 0) {
		config_free(r->c);
		return err;
	}
	*ret = r->c;
	return 0;
}

int config_parse(const char *text, size_t len, const char *name, FILE *report, struct config **ret)
{
	struct config_reader r = {
		.report = { .out = report, .file = name, .text = text, .len = len },
	};
	int err = parse(&r, ret);

	config_report_end(&r.report);
	return err;
}

static int load(const char *path, FILE *report, bool with_log, unsigned *ret_problems,
		struct config **ret)
{
	struct config_reader r = { .report = { .out = report, .file = path }, .files = true };
	struct config *c = NULL;
	char *text;
	size_t n;
	int err = config_file_read(path, CONFIG_FILE_MAX, &text, &n);

	if (err < 0) {
		fprintf(report, "%s: %s\n", path,
			err == -EFBIG ? "longer than 1 MiB" : strerror(-err));
		*ret_problems = 1;
		return err;
	}
	r.report.text = text;
	r.report.len = n;
	err = parse(&r, &c);
	if (err == 0 && with_log)
		err = open_log(&r.report, c);
	config_report_end(&r.report);
	secret_wipe(text, n);
	free(text);
	*ret_problems = r.report.errors ? r.report.errors : err < 0;
	if (err < 0) {
		config_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

int config_load(const char *path, FILE *report, struct config **ret)
{
	unsigned problems;

	return load(path, report, true, &problems, ret);
}

int config_load_quietly(const char *path, FILE *report, struct config **ret)
{
	unsigned problems;

	return load(path, report, false, &problems, ret);
}

int config_check(const char *path, FILE *report, unsigned *ret_problems)
{
	struct config *c = NULL;
	int err = load(path, report, false, ret_problems, &c);

	config_free(c);
	return err;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_inbounds; i++)
		config_inbound_done(&c->inbounds[i]);
	for (size_t i = 0; i < c->n_outbounds; i++)
		config_outbound_done(&c->outbounds[i]);
	for (size_t i = 0; i < c->n_rules; i++)
		config_rule_done(&c->rules[i]);
	free(c->steering.directory);
	free(c->steering.pins);
	if (c->log.fd > 2)
		fd_close(c->log.fd);
	free(c->inbounds);
	free(c->outbounds);
	free(c->rules);
	free(c->log_output);
	free(c->dns_servers);
	free(c->user);
	free(c->state.name);
	free(c->state.directory);
	free(c);
}
