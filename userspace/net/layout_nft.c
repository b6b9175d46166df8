// SPDX-License-Identifier: GPL-2.0-or-later
// The nft ruleset of a plan: its chains; one statement a line, as nft 1.0.6 needs it.
#include "net/layout_nft_impl.h"

/* Before nat, behind conntrack: where tproxy belongs. */
#define PREROUTING "type filter hook prerouting priority mangle; policy accept;"
/* Behind everybody who sets marks: a mark that another chain overwrites is a leak. */
#define PREROUTING_LAST "type filter hook prerouting priority 300; policy accept;"
#define OUTPUT		"type route hook output priority mangle; policy accept;"

/* "meta mark" or "ct mark" with more bits, the others as they are. */
static void set_bit(struct writing *w, const char *when, const char *what, uint32_t bit,
		    const char *then)
{
	nft_line(w, "%s%s set %s or 0x%08x%s", when, what, what, bit, then);
}

/* Lets replies and flows through that were there before; remembers the others in conntrack. */
static void put_older(struct writing *w)
{
	nft_line(w, "ct direction reply ct mark and 0x%08x == 0 accept", w->p->own_mark);
	nft_line(w, "ct state established,related ct mark and 0x%08x == 0 accept",
		 w->p->capture_mark);
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
		nft_line(w, "tcp flags & (fin|syn|rst|ack) != syn ct state new accept");
}

/* sk_lookup: routing decides. Spared flows get the mark that its first rule lets through, and IPv4
 * ones that are not the one that its last rules need: see layout.c. */
static void put_spare_chain(struct writing *w)
{
	uint32_t own = w->p->own_mark, capture = w->p->capture_mark;
	char older[80];

	nft_begin(w, "prerouting");
	nft_line(w, PREROUTING_LAST);
	nft_captured(w);
	nft_line(w, "meta l4proto != %s accept", nft_protocols(w));
	snprintf(older, sizeof(older), "ct direction reply ct mark and 0x%08x == 0 ", own);
	set_bit(w, older, "meta mark", own, " accept");
	snprintf(older, sizeof(older), "ct state established,related ct mark and 0x%08x == 0 ",
		 capture);
	set_bit(w, older, "meta mark", own, " accept");
	set_bit(w, "ct state new ", "ct mark", capture, "");
	set_bit(w, "meta nfproto ipv4 ", "meta mark", capture, "");
	nft_end(w);
}

/* What an operator takes out of conntrack are busy services, whose replies nobody could tell. */
static void put_untracked(struct writing *w)
{
	nft_line(w, "ct state untracked accept");
}

/* The lease of this machine's own address is renewed by unicast, with a server that may be
 * anywhere. */
static void put_dhcp_client(struct writing *w)
{
	if (w->p->udp)
		nft_line(w, "udp sport { 68, 546 } udp dport { 67, 547 } accept");
}

/* What this machine sends: marked, so that routing looks again. The bypass lists of sk_lookup are
 * routes and rules, which see the mark. */
static void put_output_chain(struct writing *w)
{
	nft_begin(w, "output");
	nft_line(w, OUTPUT);
	nft_line(w, "oifname \"lo\" accept");
	if (layout_has_sets(w->p)) {
		nft_line(w, "jump bypass");
	} else {
		nft_line(w, "meta mark and 0x%08x != 0 accept", w->p->own_mark);
		nft_line(w, "meta l4proto != %s accept", nft_protocols(w));
		nft_line(w, "fib daddr type { local, broadcast, anycast, multicast } accept");
	}
	put_dhcp_client(w);
	put_untracked(w);
	put_beginning(w);
	put_older(w);
	set_bit(w, "", "meta mark", w->p->capture_mark, "");
	nft_end(w);
}

/*
 * A peer that a client did not ask may be the first to speak, or anybody the first after conntrack
 * forgot the two: to conntrack the daemon's socket begins a flow then, and what the client says
 * would be its reply, and spared. So what the daemon begins has both bits in conntrack.
 */
static void put_own_chain(struct writing *w)
{
	char when[60];

	nft_begin(w, "own");
	nft_line(w, "type filter hook output priority mangle; policy accept;");
	nft_line(w, "meta mark and 0x%08x == 0 accept", w->p->own_mark);
	snprintf(when, sizeof(when), "meta l4proto %s ct state new ", nft_protocols(w));
	set_bit(w, when, "ct mark", w->p->own_mark | w->p->capture_mark, "");
	nft_end(w);
}

static void put_tproxy(struct writing *w)
{
	char to[80];

	nft_begin(w, "capture");
	snprintf(to, sizeof(to), "meta l4proto %s tproxy to :%u ", nft_protocols(w), w->p->port);
	set_bit(w, to, "meta mark", w->p->capture_mark, " accept");
	nft_line(w, "drop");
	nft_end(w);
	nft_begin(w, "prerouting");
	nft_line(w, PREROUTING);
	if (w->p->local)
		nft_line(w, "iifname \"lo\" meta mark and 0x%08x != 0 goto capture",
			 w->p->capture_mark);
	if (w->p->n_interfaces) {
		nft_captured(w);
		nft_line(w, "jump bypass");
		put_older(w);
		nft_line(w, "goto capture");
	}
	nft_end(w);
}

/* Packets that conntrack calls invalid, or does not see, are not in the nat chains; flows that were
 * captured another way before are, but not as new ones. */
static void put_untranslated(struct writing *w)
{
	nft_line(w, "jump bypass");
	nft_line(w, "ct state invalid,untracked drop");
	nft_line(w, "ct mark and 0x%08x != 0 drop", w->p->capture_mark);
}

static void put_redirect_forwarded(struct writing *w)
{
	nft_begin(w, "prerouting");
	nft_line(w, "type nat hook prerouting priority dstnat; policy accept;");
	nft_captured(w);
	nft_line(w, "jump bypass");
	nft_line(w, "meta l4proto tcp redirect to :%u", w->p->port);
	nft_end(w);
	nft_begin(w, "forward");
	nft_line(w, "type filter hook forward priority filter; policy accept;");
	nft_captured(w);
	put_untranslated(w);
	nft_end(w);
}

static void put_redirect_local(struct writing *w)
{
	nft_begin(w, "output");
	nft_line(w, "type nat hook output priority -100; policy accept;");
	nft_line(w, "oifname \"lo\" accept");
	nft_line(w, "jump bypass");
	put_beginning(w);
	nft_line(w, "meta l4proto tcp redirect to :%u", w->p->port);
	nft_end(w);
	nft_begin(w, "invalid");
	nft_line(w, "type filter hook output priority filter; policy accept;");
	nft_line(w, "oifname \"lo\" accept");
	put_untracked(w);
	put_untranslated(w);
	nft_end(w);
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
	if (p->steering != STEERING_REDIRECT)
		put_own_chain(w);
}

void layout_nft(const struct plan *p, const struct layout *l, const struct prefix_list *bypass,
		FILE *to)
{
	struct writing w = { .p = p, .l = l, .to = to };

	fprintf(to, "table inet %s {\n", p->name);
	if (layout_has_sets(p)) {
		nft_sets(&w, bypass);
		nft_bypass_chain(&w);
	}
	put_chains(&w);
	fputs("}\n", to);
}
