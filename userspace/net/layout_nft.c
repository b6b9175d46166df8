// SPDX-License-Identifier: GPL-2.0-or-later
// The nft ruleset of a plan; one statement a line, as nft 1.0.6 needs it.
#include <netinet/in.h>
#include <stdarg.h>

#include "net/layout.h"

/* Before nat, behind conntrack: where tproxy belongs. */
#define PREROUTING "type filter hook prerouting priority mangle; policy accept;"
#define OUTPUT	   "type route hook output priority mangle; policy accept;"

struct writing {
	const struct plan *p;
	const struct layout *l;
	FILE *to;
};

__attribute__((format(printf, 2, 3))) static void line(struct writing *w, const char *format, ...)
{
	va_list args;

	fputs("\t\t", w->to);
	va_start(args, format);
	vfprintf(w->to, format, args);
	va_end(args);
	fputc('\n', w->to);
}

static void begin(struct writing *w, const char *chain)
{
	fprintf(w->to, "\tchain %s {\n", chain);
}

static void end(struct writing *w)
{
	fputs("\t}\n", w->to);
}

/* "meta mark" or "ct mark" with one more bit, the others as they are. */
static void set_bit(struct writing *w, const char *when, const char *what, uint32_t bit,
		    const char *then)
{
	line(w, "%s%s set %s or 0x%08x%s", when, what, what, bit, then);
}

static const char *protocols(const struct writing *w)
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
		line(w, "meta nfproto %s accept", nfproto);
}

static void put_captured(struct writing *w)
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
	line(w, "%s%s accept", from, ports);
}

static void put_set(struct writing *w, const struct prefix_list *bypass, uint8_t family,
		    const char *name)
{
	fprintf(w->to, "\tset %s {\n", name);
	line(w, "type ipv%d_addr", family == AF_INET ? 4 : 6);
	line(w, "flags interval");
	if (bypass && put_list(bypass, family, "\t\telements = { ", w->to))
		fputs(" }\n", w->to);
	end(w);
}

/* What is let through by what it is; accept ends the chain that jumped here. */
static void put_bypass_chain(struct writing *w)
{
	begin(w, "bypass");
	line(w, "meta mark and 0x%08x != 0 accept", w->p->own_mark);
	line(w, "meta l4proto != %s accept", protocols(w));
	line(w, "fib daddr type { local, broadcast, anycast, multicast } accept");
	if (all_of(&w->p->bypass, AF_INET))
		line(w, "meta nfproto ipv4 accept");
	if (all_of(&w->p->bypass, AF_INET6))
		line(w, "meta nfproto ipv6 accept");
	line(w, "ip daddr @" LAYOUT_BYPASS4 " accept");
	line(w, "ip6 daddr @" LAYOUT_BYPASS6 " accept");
	put_ports_of(w, IPPROTO_TCP, "tcp");
	put_ports_of(w, IPPROTO_UDP, "udp");
	for (size_t i = 0; i < w->p->n_bypass_sources; i++) {
		put_source(w, &w->p->bypass_sources[i], IPPROTO_TCP);
		put_source(w, &w->p->bypass_sources[i], IPPROTO_UDP);
	}
	end(w);
}

/* Lets replies and flows through that were there before; remembers the others in conntrack. */
static void put_older(struct writing *w)
{
	line(w, "ct direction reply accept");
	line(w, "ct state established,related ct mark and 0x%08x == 0 accept", w->p->capture_mark);
	set_bit(w, "ct state new ", "ct mark", w->p->capture_mark, "");
}

/*
 * Where conntrack did not know the flows that were there before, it takes the first packet that it
 * sees for their beginning: of what this machine sends, that may be a reply of its SSH server. So
 * there only a real beginning is captured.
 */
static void put_beginning(struct writing *w)
{
	if (!w->l->conntrack && w->p->tcp)
		line(w, "tcp flags & (fin|syn|rst|ack) != syn ct state new accept");
}

/* sk_lookup: routing decides. Spared flows get the mark that its first rule lets through, and IPv4
 * ones that are not the one that its last rules need: see layout.c. */
static void put_spare_chain(struct writing *w)
{
	uint32_t own = w->p->own_mark, capture = w->p->capture_mark;
	char older[80];

	begin(w, "prerouting");
	line(w, PREROUTING);
	put_captured(w);
	line(w, "meta l4proto != %s accept", protocols(w));
	set_bit(w, "ct direction reply ", "meta mark", own, " accept");
	snprintf(older, sizeof(older), "ct state established,related ct mark and 0x%08x == 0 ",
		 capture);
	set_bit(w, older, "meta mark", own, " accept");
	set_bit(w, "ct state new ", "ct mark", capture, "");
	set_bit(w, "meta nfproto ipv4 ", "meta mark", capture, "");
	end(w);
}

/* What this machine sends: marked, so that routing looks again. The bypass lists of sk_lookup are
 * routes and rules, which see the mark. */
static void put_output_chain(struct writing *w)
{
	begin(w, "output");
	line(w, OUTPUT);
	line(w, "oifname \"lo\" accept");
	if (layout_has_sets(w->p)) {
		line(w, "jump bypass");
	} else {
		line(w, "meta mark and 0x%08x != 0 accept", w->p->own_mark);
		line(w, "meta l4proto != %s accept", protocols(w));
		line(w, "fib daddr type { local, broadcast, anycast, multicast } accept");
	}
	put_beginning(w);
	put_older(w);
	set_bit(w, "", "meta mark", w->p->capture_mark, "");
	end(w);
}

static void put_tproxy(struct writing *w)
{
	char to[80];

	begin(w, "capture");
	snprintf(to, sizeof(to), "meta l4proto %s tproxy to :%u ", protocols(w), w->p->port);
	set_bit(w, to, "meta mark", w->p->capture_mark, " accept");
	line(w, "drop");
	end(w);
	begin(w, "prerouting");
	line(w, PREROUTING);
	if (w->p->local)
		line(w, "iifname \"lo\" meta mark and 0x%08x != 0 goto capture",
		     w->p->capture_mark);
	if (w->p->n_interfaces) {
		put_captured(w);
		line(w, "jump bypass");
		put_older(w);
		line(w, "goto capture");
	}
	end(w);
}

/* Packets that conntrack calls invalid, or that it does not see, are not in the nat chains. */
static void put_redirect_forwarded(struct writing *w)
{
	begin(w, "prerouting");
	line(w, "type nat hook prerouting priority dstnat; policy accept;");
	put_captured(w);
	line(w, "jump bypass");
	line(w, "meta l4proto tcp redirect to :%u", w->p->port);
	end(w);
	begin(w, "forward");
	line(w, "type filter hook forward priority filter; policy accept;");
	put_captured(w);
	line(w, "jump bypass");
	line(w, "ct state invalid,untracked drop");
	end(w);
}

static void put_redirect_local(struct writing *w)
{
	begin(w, "output");
	line(w, "type nat hook output priority -100; policy accept;");
	line(w, "oifname \"lo\" accept");
	line(w, "jump bypass");
	put_beginning(w);
	line(w, "meta l4proto tcp redirect to :%u", w->p->port);
	end(w);
	begin(w, "invalid");
	line(w, "type filter hook output priority filter; policy accept;");
	line(w, "oifname \"lo\" accept");
	line(w, "jump bypass");
	line(w, "ct state invalid,untracked drop");
	end(w);
}

static void put_chains(struct writing *w)
{
	const struct plan *p = w->p;

	if (p->steering == STEERING_SK_LOOKUP && layout_spares(p, w->l) && p->n_interfaces)
		put_spare_chain(w);
	if (p->steering == STEERING_TPROXY)
		put_tproxy(w);
	if (p->steering == STEERING_REDIRECT && p->n_interfaces)
		put_redirect_forwarded(w);
	if (p->steering == STEERING_REDIRECT && p->local)
		put_redirect_local(w);
	if (p->steering != STEERING_REDIRECT && p->local)
		put_output_chain(w);
}

void layout_nft(const struct plan *p, const struct layout *l, const struct prefix_list *bypass,
		FILE *to)
{
	struct writing w = { .p = p, .l = l, .to = to };

	fprintf(to, "table inet %s {\n", p->name);
	if (layout_has_sets(p)) {
		put_set(&w, bypass, AF_INET, LAYOUT_BYPASS4);
		put_set(&w, bypass, AF_INET6, LAYOUT_BYPASS6);
		put_bypass_chain(&w);
	}
	put_chains(&w);
	fputs("}\n", to);
}
