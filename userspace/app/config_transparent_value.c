// SPDX-License-Identifier: GPL-2.0-or-later
// The forms of values that only inbounds which capture traffic have.
#include <string.h>

#include "app/config_parts.h"

#define INTERFACES_MAX 64

static struct config_transparent *of(void *field, size_t off)
{
	return (struct config_transparent *)(void *)((char *)field - off);
}

#define OF(field, member) of(field, offsetof(struct config_transparent, member))

void config_read_steering(struct config_reader *r, struct config_ref v,
			  const struct config_row *row, void *field)
{
	static const char *const names[] = { [STEERING_SK_LOOKUP] = "sk_lookup",
					     [STEERING_TPROXY] = "tproxy",
					     [STEERING_REDIRECT] = "redirect" };

	(void)row;
	if (!config_want(r, v, JSON_STRING))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], json_string_value(v.v)) == 0) {
			*(enum steering *)field = (enum steering)i;
			return;
		}
	config_error(&r->report, v.n,
		     "must be \"sk_lookup\", \"tproxy\" or \"redirect\", not \"%s\"",
		     ECHO(json_string_value(v.v)));
}

/* Of the plan: both false where one is named wrongly. */
void config_read_network(struct config_reader *r, struct config_ref v, const struct config_row *row,
			 void *field)
{
	struct plan *p = field;

	(void)row;
	p->tcp = p->udp = false;
	for (struct config_list l = config_list_start(v); l.item.v; config_list_next(&l)) {
		const char *text = json_string_value(l.item.v);

		if (text && strcmp(text, "tcp") == 0)
			p->tcp = true;
		else if (text && strcmp(text, "udp") == 0)
			p->udp = true;
		else
			config_error(&r->report, l.item.n, "must be \"tcp\" or \"udp\"");
	}
	if (json_is_string(v.v) && !json_string_length(v.v)) /* sing-box: both */
		p->tcp = p->udp = true;
}

static bool is_interface(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n < IF_NAMESIZE && strcmp(text, ".") != 0 && strcmp(text, "..") != 0 &&
	       strcspn(text, "/: \t\n\"'*\\") == n;
}

void config_read_interfaces(struct config_reader *r, struct config_ref v,
			    const struct config_row *row, void *field)
{
	struct plan *p = &OF(field, plan.interfaces)->plan;
	struct config_list l = config_list_start(v);

	(void)row;
	if (l.n > INTERFACES_MAX) {
		config_error(&r->report, v.n, "more than %d", INTERFACES_MAX);
		return;
	}
	p->interfaces = config_alloc(r, l.n, sizeof(*p->interfaces));
	for (; l.item.v && p->interfaces; config_list_next(&l)) {
		const char *text = json_string_value(l.item.v);

		if (!text || !is_interface(text) || strcmp(text, "lo") == 0)
			config_error(
				&r->report, l.item.n,
				"must be the name of an interface; for what this machine sends "
				"itself set \"local\"");
		else
			strcpy(p->interfaces[p->n_interfaces++], text);
	}
}

void config_read_bypass_ports(struct config_reader *r, struct config_ref v,
			      const struct config_row *row, void *field)
{
	struct plan *p = &OF(field, plan.bypass_ports)->plan;
	struct config_list l = config_list_start(v);

	(void)row;
	p->bypass_ports = config_alloc(r, l.n, sizeof(*p->bypass_ports));
	for (; l.item.v && p->bypass_ports; config_list_next(&l)) {
		const char *text = json_string_value(l.item.v);

		if (text && config_parse_ports(text, true, &p->bypass_ports[p->n_bypass_ports]))
			p->n_bypass_ports++;
		else
			config_error(&r->report, l.item.n,
				     "must be a port or a range, as in \"22\", \"udp:123\" or "
				     "\"tcp:6000-6010\"");
	}
}

/* "192.168.1.5", "192.168.1.0/24 tcp:443" */
static bool parse_source(const char *text, struct bypass_source *ret)
{
	size_t n = strcspn(text, " ");
	const char *ports = text + n + strspn(text + n, " ");

	ret->ports = (struct port_range){ .last = 65535 };
	return prefix_parse(text, n, &ret->from) == 0 &&
	       (!*ports || config_parse_ports(ports, true, &ret->ports));
}

void config_read_bypass_sources(struct config_reader *r, struct config_ref v,
				const struct config_row *row, void *field)
{
	struct plan *p = &OF(field, plan.bypass_sources)->plan;
	struct config_list l = config_list_start(v);

	(void)row;
	p->bypass_sources = config_alloc(r, l.n, sizeof(*p->bypass_sources));
	for (; l.item.v && p->bypass_sources; config_list_next(&l)) {
		const char *text = json_string_value(l.item.v);

		if (text && parse_source(text, &p->bypass_sources[p->n_bypass_sources]))
			p->n_bypass_sources++;
		else
			config_error(&r->report, l.item.n,
				     "must be an address or prefix, with or without a port, as in "
				     "\"192.168.1.5 tcp:443\"");
	}
}

void config_read_spare(struct config_reader *r, struct config_ref v, const struct config_row *row,
		       void *field)
{
	(void)row;
	if (json_is_boolean(v.v))
		*(enum spare_replies *)field = json_is_true(v.v) ? SPARE_YES : SPARE_NO;
	else if (!json_is_string(v.v) || strcmp(json_string_value(v.v), "auto") != 0)
		config_error(&r->report, v.n, "must be true, false or \"auto\"");
	else
		*(enum spare_replies *)field = SPARE_AUTO;
}

void config_read_hijack(struct config_reader *r, struct config_ref v, const struct config_row *row,
			void *field)
{
	char text[64];

	(void)row;
	if (!config_want(r, v, JSON_STRING))
		return;
	if (!config_normal_server(json_string_value(v.v), text, sizeof(text)) ||
	    config_parse_server(text, field) < 0)
		config_error(&r->report, v.n,
			     "must be an IP address with or without a port, not \"%s\"",
			     ECHO(json_string_value(v.v)));
}
