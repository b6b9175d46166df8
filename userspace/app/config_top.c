// SPDX-License-Identifier: GPL-2.0-or-later
// The top level: log, dns, route, limits, and what stands alone.
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"

static void read_log(struct config_reader *r, struct config_ref v, const struct config_row *row,
		     void *field)
{
	static const struct config_row *const tables[] = { config_rows_log, config_refused_log,
							   NULL };

	(void)row, (void)field;
	config_read_object(r, v, tables, r->c);
}

static void read_dns(struct config_reader *r, struct config_ref v, const struct config_row *row,
		     void *field)
{
	static const struct config_row *const tables[] = { config_rows_dns, config_refused_dns,
							   NULL };

	(void)row, (void)field;
	config_read_object(r, v, tables, r->c);
}

static void read_limits(struct config_reader *r, struct config_ref v, const struct config_row *row,
			void *field)
{
	static const struct config_row *const tables[] = { config_rows_limits, NULL };

	(void)row;
	config_read_object(r, v, tables, field);
}

static void read_state(struct config_reader *r, struct config_ref v, const struct config_row *row,
		       void *field)
{
	static const struct config_row *const tables[] = { config_rows_state, NULL };

	(void)row;
	config_read_object(r, v, tables, field);
}

static void read_steering(struct config_reader *r, struct config_ref v,
			  const struct config_row *row, void *field)
{
	static const struct config_row *const tables[] = { config_rows_steering, NULL };

	(void)row;
	config_read_object(r, v, tables, field);
}

static void read_level(struct config_reader *r, struct config_ref v, const struct config_row *row,
		       void *field)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = { { "trace", LOG_LEVEL_DEBUG },  { "debug", LOG_LEVEL_DEBUG },
		       { "info", LOG_LEVEL_INFO },    { "warn", LOG_LEVEL_WARN },
		       { "warning", LOG_LEVEL_WARN }, { "error", LOG_LEVEL_ERROR },
		       { "fatal", LOG_LEVEL_ERROR },  { "panic", LOG_LEVEL_ERROR } };

	(void)row;
	if (!config_want(r, v, JSON_STRING))
		return;
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (strcmp(levels[i].name, json_string_value(v.v)) == 0) {
			*(enum log_level *)field = levels[i].level;
			return;
		}
	config_error(&r->report, v.n,
		     "must be trace, debug, info, warn, error, fatal or panic, not \"%s\"",
		     ECHO(json_string_value(v.v)));
}

static void read_format(struct config_reader *r, struct config_ref v, const struct config_row *row,
			void *field)
{
	const char *text = json_string_value(v.v);

	(void)row;
	if (!config_want(r, v, JSON_STRING))
		return;
	if (strcmp(text, "json") == 0)
		*(bool *)field = true;
	else if (strcmp(text, "text") == 0)
		*(bool *)field = false;
	else
		config_error(&r->report, v.n, "must be \"text\" or \"json\", not \"%s\"",
			     ECHO(text));
}

static void read_server(struct config_reader *r, struct config_ref v, char **list)
{
	char one[64], *joined = NULL;

	if (json_is_object(v.v)) {
		config_error(
			&r->report, v.n,
			"sing-box's server objects are not supported: write the address alone, "
			"as in \"10.0.0.1\" or \"10.0.0.2:5353\"");
		return;
	}
	if (!config_want(r, v, JSON_STRING))
		return;
	if (!config_normal_server(json_string_value(v.v), one, sizeof(one))) {
		config_error(&r->report, v.n,
			     "must be an IP address with or without a port, not \"%s\"",
			     ECHO(json_string_value(v.v)));
		return;
	}
	if (asprintf(&joined, "%s%s%s", *list ? *list : "", *list ? "," : "", one) < 0)
		r->oom = true;
	else
		config_set(list, joined);
}

static void read_servers(struct config_reader *r, struct config_ref v, const struct config_row *row,
			 void *field)
{
	(void)row;
	for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l))
		read_server(r, l.item, field);
}

static void read_route(struct config_reader *r, struct config_ref v, const struct config_row *row,
		       void *field)
{
	static const struct config_row *const tables[] = { config_rows_route, config_refused_route,
							   NULL };

	(void)row, (void)field;
	config_read_object(r, v, tables, r->c);
}

const struct config_row config_rows_top[] = {
	{ .key = "$schema", .type = ROW_IGNORED, .help = "for editors" },
	{ .key = "log", .type = ROW_CALL, .read = read_log, .help = "logging" },
	{ .key = "dns", .type = ROW_CALL, .read = read_dns, .help = "name servers" },
	{ .key = "inbounds", .type = ROW_IGNORED, .help = "what is listened on" },
	{ .key = "outbounds", .type = ROW_IGNORED, .help = "ways out" },
	{ .key = "route", .type = ROW_CALL, .read = read_route, .help = "which way out is taken" },
	{ .key = "limits",
	  .type = ROW_CALL,
	  .read = read_limits,
	  ROW_FIELD(struct config, limits),
	  .help = "limits" },
	{ .key = "state",
	  .type = ROW_CALL,
	  .read = read_state,
	  ROW_FIELD(struct config, state),
	  .help = "what other programs may see" },
	{ .key = "steering",
	  .type = ROW_CALL,
	  .read = read_steering,
	  ROW_FIELD(struct config, steering),
	  .help = "what all inbounds that capture traffic have in common" },
	{ .key = "workers",
	  .type = ROW_U32,
	  ROW_FIELD(struct config, workers),
	  .max = 256,
	  .help = "worker threads; 0: one a core" },
	{ .key = "user",
	  .type = ROW_STRING,
	  ROW_FIELD(struct config, user),
	  .min = 1,
	  .max = 255,
	  .help = "system user to become once the ports are bound" },
	{ 0 },
};

const struct config_row config_rows_log[] = {
	{ .key = "disabled",
	  .type = ROW_BOOL,
	  ROW_FIELD(struct config, log_disabled),
	  .help = "write no log" },
	{ .key = "level",
	  .type = ROW_CALL,
	  .read = read_level,
	  ROW_FIELD(struct config, log.level),
	  .help = "least important lines that are written" },
	{ .key = "output",
	  .type = ROW_STRING,
	  ROW_FIELD(struct config, log_output),
	  .min = 0,
	  .max = 4096,
	  .help = "file to append to" },
	{ .key = "timestamp",
	  .type = ROW_BOOL,
	  ROW_FIELD(struct config, log.timestamp),
	  .help = "begin lines with the time" },
	{ .key = "format",
	  .type = ROW_CALL,
	  .read = read_format,
	  ROW_FIELD(struct config, log.json),
	  .help = "\"text\" or \"json\"" },
	{ 0 },
};

const struct config_row config_rows_dns[] = {
	{ .key = "servers",
	  .type = ROW_CALL,
	  .read = read_servers,
	  ROW_FIELD(struct config, dns_servers),
	  .help = "in place of the system's" },
	{ 0 },
};

/* read when all inbounds and outbounds are known */
const struct config_row config_rows_route[] = {
	{ .key = "rules", .type = ROW_IGNORED, .help = "which outbound takes what" },
	{ .key = "final", .type = ROW_IGNORED, .help = "tag of the outbound for everything else" },
	{ .key = "default_mark",
	  .type = ROW_CALL,
	  .read = config_read_mark,
	  ROW_FIELD(struct config, default_mark),
	  .help = "routing_mark of outbounds that have none" },
	{ 0 },
};

static void finish_route(struct config_reader *r, struct config_ref top)
{
	struct config_ref route = config_member(top, "route"), rules, final;

	if (!json_is_object(route.v))
		return;
	rules = config_member(route, "rules");
	final = config_member(route, "final");
	if (rules.v)
		config_read_rules(r, rules);
	if (final.v)
		config_find_outbound(r, final, &r->c->final_outbound);
}

bool config_read_top(struct config_reader *r, struct config_ref v)
{
	static const struct config_row *const tables[] = { config_rows_top, config_refused_top,
							   NULL };
	struct config_ref in, out;

	if (!config_read_object(r, v, tables, r->c))
		return false;
	in = config_member(v, "inbounds");
	out = config_member(v, "outbounds");
	if (in.v)
		config_read_inbounds(r, in);
	config_read_outbounds(r, out);
	config_steering_finish(r, in);
	finish_route(r, v);
	if (r->c->n_inbounds == 0 && r->report.errors == 0)
		config_note(&r->report, in.v ? in.n : v.n,
			    "no inbound: nothing will use this configuration");
	return true;
}
