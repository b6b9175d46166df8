// SPDX-License-Identifier: GPL-2.0-or-later
// Ranges of ports, and lists that fill a field of an inbound.
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"
#include "base/list.h"

/* Digits only, 1..65535 (0 where `zero`); where it ends, or NULL. */
static const char *parse_port(const char *p, uint16_t *ret)
{
	size_t n = strspn(p, "0123456789");
	unsigned long x = n && n <= 5 ? strtoul(p, NULL, 10) : 0;

	if (x < 1 || x > 65535)
		return NULL;
	*ret = (uint16_t)x;
	return p + n;
}

bool config_parse_ports(const char *text, bool with_protocol, struct port_range *ret)
{
	struct port_range range = { 0 };

	if (with_protocol && strncmp(text, "tcp:", 4) == 0)
		range.protocol = IPPROTO_TCP;
	else if (with_protocol && strncmp(text, "udp:", 4) == 0)
		range.protocol = IPPROTO_UDP;
	if (range.protocol)
		text += 4;
	text = parse_port(text, &range.first);
	range.last = range.first;
	if (text && *text == '-')
		text = parse_port(text + 1, &range.last);
	if (!text || *text || range.last < range.first)
		return false;
	*ret = range;
	return true;
}

/* Into a struct config_inbound: "steer_ports". Numbers are taken too. */
void config_read_steer_ports(struct config_reader *r, struct config_ref v,
			     const struct config_row *row, void *field)
{
	struct config_list l = config_list_start(v);
	struct config_inbound *in = container_of(field, struct config_inbound, steer_ports);

	(void)row;
	in->steer_ports = config_alloc(r, l.n, sizeof(*in->steer_ports));
	for (; l.item.v && in->steer_ports; config_list_next(&l)) {
		struct port_range range;
		char number[16];
		const char *text = json_string_value(l.item.v);

		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(l.item.v));
		if (json_is_integer(l.item.v))
			text = number;
		if (!text || !config_parse_ports(text, false, &range)) {
			config_error(&r->report, l.item.n,
				     "must be a port or a range, as in \"443\" or \"20000-30000\"");
			continue;
		}
		in->steer_ports[in->n_steer_ports++] =
			(struct steer_ports){ .first = range.first, .last = range.last };
	}
}

void config_row_prefixes(struct config_reader *r, struct config_ref v, const struct config_row *row,
			 void *field)
{
	(void)row;
	config_read_prefixes(r, v, field);
}

/* Into a struct config_transparent: "bypass_files". */
void config_row_bypass_files(struct config_reader *r, struct config_ref v,
			     const struct config_row *row, void *field)
{
	struct config_transparent *t = container_of(field, struct config_transparent, bypass_files);

	(void)row;
	config_read_texts(r, v, config_check_list_file, &t->bypass_files, &t->n_bypass_files);
}
