// SPDX-License-Identifier: GPL-2.0-or-later
// Routes and rules as the words of `ip`, both ways.
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "net/object.h"

struct text {
	char *at;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at + t->n, OBJECT_TEXT_MAX - t->n, format, args);
	va_end(args);
	t->n += n < 0 ? 0 : (size_t)n;
	if (t->n >= OBJECT_TEXT_MAX)
		t->n = OBJECT_TEXT_MAX - 1;
}

static void put_prefix(struct text *t, const char *before, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	put(t, "%s%s", before, p->len ? prefix_text(p, text) : "default");
}

static void put_route(struct text *t, const struct object *o)
{
	put_prefix(t, o->type == RTN_LOCAL ? " local " : " throw ", &o->to);
	put(t, "%s table %u", o->type == RTN_LOCAL ? " dev lo" : "", o->table);
}

static void put_ports(struct text *t, const char *word, const uint16_t range[2])
{
	if (range[1])
		put(t, range[0] == range[1] ? " %s %u" : " %s %u-%u", word, range[0], range[1]);
}

static void put_rule(struct text *t, const struct object *o)
{
	char from[PREFIX_TEXT_MAX];

	put(t, " priority %u", o->priority);
	if (o->from.family)
		put(t, " from %s", prefix_text(&o->from, from));
	if (o->iif[0])
		put(t, " iif %s", o->iif);
	if (o->mask)
		put(t, " fwmark 0x%x/0x%x", o->mark, o->mask);
	if (o->ip_proto)
		put(t, " ipproto %s", o->ip_proto == IPPROTO_TCP ? "tcp" : "udp");
	put_ports(t, "sport", o->sport);
	put_ports(t, "dport", o->dport);
	if (o->type == FR_ACT_TO_TBL)
		put(t, " lookup %u", o->table);
	else if (o->type == FR_ACT_GOTO)
		put(t, " goto %u", o->target);
	else
		put(t, " nop");
}

const char *object_text(const struct object *o, const char *verb, char out[static OBJECT_TEXT_MAX])
{
	struct text t = { .at = out };

	put(&t, "ip -%c %s %s", o->family == AF_INET ? '4' : '6',
	    o->kind == OBJECT_ROUTE ? "route" : "rule", verb);
	if (o->kind == OBJECT_ROUTE)
		put_route(&t, o);
	else
		put_rule(&t, o);
	put(&t, " protocol %u", o->protocol);
	return out;
}

/* Reading: one word, its value, and what it means; false where it means nothing. */

static bool number(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	*ret = (uint32_t)n;
	return end != text && !*end && n <= UINT32_MAX;
}

static bool range_of(const char *text, uint16_t range[2])
{
	char *end;
	unsigned long first = strtoul(text, &end, 10), last = first;

	if (*end == '-')
		last = strtoul(end + 1, &end, 10);
	if (*end || !last || first > last || last > UINT16_MAX)
		return false;
	range[0] = (uint16_t)first;
	range[1] = (uint16_t)last;
	return true;
}

static bool prefix_in(const char *text, uint8_t family, struct prefix *ret)
{
	if (!strcmp(text, "default")) {
		*ret = (struct prefix){ .family = family };
		return true;
	}
	return prefix_parse(text, strlen(text), ret) == 0 && ret->family == family;
}

static bool mark_of(char *text, struct object *o)
{
	char *slash = strchr(text, '/');

	if (!slash)
		return false;
	*slash = '\0';
	return number(text, &o->mark) && number(slash + 1, &o->mask);
}

static bool iif_of(const char *text, struct object *o)
{
	if (strlen(text) >= sizeof(o->iif))
		return false;
	strcpy(o->iif, text);
	return true;
}

static bool proto_of(const char *text, struct object *o)
{
	o->ip_proto = !strcmp(text, "tcp") ? IPPROTO_TCP : IPPROTO_UDP;
	return o->ip_proto == IPPROTO_TCP || !strcmp(text, "udp");
}

static bool maker_of(const char *text, struct object *o)
{
	uint32_t n;

	if (!number(text, &n) || n > UINT8_MAX)
		return false;
	o->protocol = (uint8_t)n;
	return true;
}

static bool rule_pair(struct object *o, const char *word, char *value)
{
	if (!strcmp(word, "priority"))
		return number(value, &o->priority);
	if (!strcmp(word, "from"))
		return prefix_in(value, o->family, &o->from);
	if (!strcmp(word, "iif"))
		return iif_of(value, o);
	if (!strcmp(word, "fwmark"))
		return mark_of(value, o);
	if (!strcmp(word, "ipproto"))
		return proto_of(value, o);
	if (!strcmp(word, "sport"))
		return range_of(value, o->sport);
	if (!strcmp(word, "dport"))
		return range_of(value, o->dport);
	o->type = !strcmp(word, "goto") ? FR_ACT_GOTO : FR_ACT_TO_TBL;
	return o->type == FR_ACT_GOTO ? number(value, &o->target)
				      : !strcmp(word, "lookup") && number(value, &o->table);
}

static bool route_pair(struct object *o, const char *word, char *value)
{
	o->type = o->type ? o->type : !strcmp(word, "local") ? RTN_LOCAL : RTN_THROW;
	if (!strcmp(word, "local") || !strcmp(word, "throw"))
		return prefix_in(value, o->family, &o->to);
	if (!strcmp(word, "table"))
		return number(value, &o->table);
	return !strcmp(word, "dev") && !strcmp(value, "lo");
}

static bool head(char **rest, struct object *o)
{
	const char *ip = strtok_r(NULL, " ", rest), *family = strtok_r(NULL, " ", rest);
	const char *kind = strtok_r(NULL, " ", rest), *verb = strtok_r(NULL, " ", rest);

	if (!verb || strcmp(ip, "ip") != 0 || strcmp(verb, "add") != 0)
		return false;
	o->family = !strcmp(family, "-4") ? AF_INET : AF_INET6;
	o->kind = !strcmp(kind, "route") ? OBJECT_ROUTE : OBJECT_RULE;
	return (o->family == AF_INET || !strcmp(family, "-6")) &&
	       (o->kind == OBJECT_ROUTE || !strcmp(kind, "rule"));
}

int object_parse(const char *text, struct object *ret)
{
	char copy[OBJECT_TEXT_MAX], *rest = copy, *word, *value;
	struct object o = { 0 };
	bool good;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	good = head(&rest, &o);
	while (good && (word = strtok_r(NULL, " ", &rest))) {
		if (!strcmp(word, "nop")) {
			o.type = FR_ACT_NOP;
			continue;
		}
		value = strtok_r(NULL, " ", &rest);
		if (!value)
			good = false;
		else if (!strcmp(word, "protocol"))
			good = maker_of(value, &o);
		else
			good = o.kind == OBJECT_ROUTE ? route_pair(&o, word, value)
						      : rule_pair(&o, word, value);
	}
	if (!good || !o.type || !o.protocol)
		return -EINVAL;
	*ret = o;
	return 0;
}
