// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of an nft ruleset that say what is captured, and what is not.
#include <netinet/in.h>
#include <stdarg.h>

#include "net/layout_nft_impl.h"

void nft_line(struct writing *w, const char *format, ...)
{
	va_list args;

	fputs("\t\t", w->to);
	va_start(args, format);
	vfprintf(w->to, format, args);
	va_end(args);
	fputc('\n', w->to);
}

void nft_begin(struct writing *w, const char *chain)
{
	fprintf(w->to, "\tchain %s {\n", chain);
}

void nft_end(struct writing *w)
{
	fputs("\t}\n", w->to);
}

const char *nft_protocols(const struct writing *w)
{
	if (w->p->tcp && w->p->udp && w->p->steering != STEERING_REDIRECT)
		return "{ tcp, udp }";
	return w->p->tcp ? "tcp" : "udp";
}

static void put_interfaces(struct writing *w)
{
	fputs("\t\tiifname != {", w->to);
	for (size_t i = 0; i < w->p->n_interfaces; i++)
		fprintf(w->to, "%s \"%s\"", i ? "," : "", w->p->interfaces[i]);
	fputs(" } accept\n", w->to);
}

static bool all_of(const struct prefix_list *l, uint8_t family)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].family == family && l->at[i].len == 0)
			return true;
	return false;
}

static size_t put_list(const struct prefix_list *l, uint8_t family, const char *before, FILE *to)
{
	char text[PREFIX_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].family != family || l->at[i].len == 0)
			continue;
		fprintf(to, "%s%s", n ? ", " : before, prefix_text(&l->at[i], text));
		n++;
	}
	return n;
}

static void put_sources_of(struct writing *w, uint8_t family, const char *ip, const char *nfproto)
{
	char before[40];

	if (all_of(&w->p->sources, family))
		return;
	snprintf(before, sizeof(before), "\t\t%s saddr != { ", ip);
	if (put_list(&w->p->sources, family, before, w->to))
		fputs(" } accept\n", w->to);
	else
		nft_line(w, "meta nfproto %s accept", nfproto);
}

void nft_captured(struct writing *w)
{
	put_interfaces(w);
	if (!w->p->sources.n)
		return;
	put_sources_of(w, AF_INET, "ip", "ipv4");
	put_sources_of(w, AF_INET6, "ip6", "ipv6");
}

static void put_ports_of(struct writing *w, uint8_t protocol, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < w->p->n_bypass_ports; i++) {
		const struct port_range *r = &w->p->bypass_ports[i];

		if (r->protocol && r->protocol != protocol)
			continue;
		if (n++ == 0)
			fprintf(w->to, "\t\t%s dport { ", name);
		else
			fputs(", ", w->to);
		fprintf(w->to, r->first == r->last ? "%u" : "%u-%u", r->first, r->last);
	}
	if (n)
		fputs(" } accept\n", w->to);
}

static void put_source(struct writing *w, const struct bypass_source *s, uint8_t protocol)
{
	static const char *const ip[] = { "ip", "ip6" };
	char from[PREFIX_TEXT_MAX + 12] = "", text[PREFIX_TEXT_MAX], ports[40] = "";
	const char *name = protocol == IPPROTO_TCP ? "tcp" : "udp";

	if (s->ports.protocol && s->ports.protocol != protocol)
		return;
	if (s->from.len)
		snprintf(from, sizeof(from), "%s saddr %s", ip[s->from.family == AF_INET6],
			 prefix_text(&s->from, text));
	else
		snprintf(from, sizeof(from), "meta nfproto ipv%d",
			 s->from.family == AF_INET ? 4 : 6);
	if (s->ports.first > 0 || s->ports.last < UINT16_MAX)
		snprintf(ports, sizeof(ports), " %s sport %u-%u", name, s->ports.first,
			 s->ports.last);
	else
		snprintf(ports, sizeof(ports), " meta l4proto %s", name);
	nft_line(w, "%s%s accept", from, ports);
}

static void put_set(struct writing *w, const struct prefix_list *bypass, uint8_t family,
		    const char *name)
{
	fprintf(w->to, "\tset %s {\n", name);
	nft_line(w, "type ipv%d_addr", family == AF_INET ? 4 : 6);
	nft_line(w, "flags interval");
	if (bypass && put_list(bypass, family, "\t\telements = { ", w->to))
		fputs(" }\n", w->to);
	nft_end(w);
}

void nft_sets(struct writing *w, const struct prefix_list *bypass)
{
	put_set(w, bypass, AF_INET, LAYOUT_BYPASS4);
	put_set(w, bypass, AF_INET6, LAYOUT_BYPASS6);
}

void nft_bypass_chain(struct writing *w)
{
	nft_begin(w, "bypass");
	nft_line(w, "meta mark and 0x%08x != 0 accept", w->p->own_mark);
	nft_line(w, "meta l4proto != %s accept", nft_protocols(w));
	nft_line(w, "fib daddr type { local, broadcast, anycast, multicast } accept");
	if (all_of(&w->p->bypass, AF_INET))
		nft_line(w, "meta nfproto ipv4 accept");
	if (all_of(&w->p->bypass, AF_INET6))
		nft_line(w, "meta nfproto ipv6 accept");
	nft_line(w, "ip daddr @" LAYOUT_BYPASS4 " accept");
	nft_line(w, "ip6 daddr @" LAYOUT_BYPASS6 " accept");
	put_ports_of(w, IPPROTO_TCP, "tcp");
	put_ports_of(w, IPPROTO_UDP, "udp");
	for (size_t i = 0; i < w->p->n_bypass_sources; i++) {
		put_source(w, &w->p->bypass_sources[i], IPPROTO_TCP);
		put_source(w, &w->p->bypass_sources[i], IPPROTO_UDP);
	}
	nft_end(w);
}
