// SPDX-License-Identifier: GPL-2.0-or-later
// An inbound that captures traffic: its keys, and what they say together.
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_parts.h"

#define LISTEN_PORT	 7893
#define TABLE		 7893
#define PRIORITY	 4800
#define SNIFF_TIMEOUT_MS 100

#define PLAN(member)	    ROW_FIELD(struct config_inbound, transparent.plan.member)
#define TRANSPARENT(member) ROW_FIELD(struct config_inbound, transparent.member)

const struct config_row config_rows_capture[] = {
	{ .key = "network",
	  .type = ROW_CALL,
	  .read = config_read_network,
	  TRANSPARENT(plan),
	  .help = "\"tcp\", \"udp\" or both" },
	{ .key = "hijack_dns",
	  .type = ROW_CALL,
	  .read = config_read_hijack,
	  TRANSPARENT(hijack_dns),
	  .help = "the resolver, behind the outbound, to which port 53 goes whatever its address" },
	{ .key = "sniff",
	  .type = ROW_BOOL,
	  TRANSPARENT(sniff),
	  .help = "look for a name in the first bytes (TLS, HTTP), for rules" },
	{ .key = "sniff_timeout",
	  .type = ROW_DURATION,
	  TRANSPARENT(sniff_timeout_ms),
	  .min = 1,
	  .max = SNIFF_TIMEOUT_MS,
	  .help = "how long the first bytes are waited for" },
	{ 0 },
};

const struct config_row config_rows_inbound_transparent[] = {
	{ .key = "listen",
	  .type = ROW_CALL,
	  .read = config_read_ip,
	  ROW_FIELD(struct config_inbound_work, listen),
	  .help = "an IP address" },
	{ .key = "listen_port",
	  .type = ROW_U16,
	  ROW_FIELD(struct config_inbound_work, port),
	  .min = 1,
	  .max = 65535,
	  .help = "a free port; nobody connects to it" },
	{ .key = "steering",
	  .type = ROW_CALL,
	  .read = config_read_steering,
	  PLAN(steering),
	  .help = "how traffic gets here: \"sk_lookup\", \"tproxy\" or \"redirect\"" },
	{ .key = "interfaces",
	  .type = ROW_CALL,
	  .read = config_read_interfaces,
	  PLAN(interfaces),
	  .help = "what comes in by these is captured" },
	{ .key = "sources",
	  .type = ROW_CALL,
	  .read = config_row_prefixes,
	  PLAN(sources),
	  .help = "only what comes from these networks" },
	{ .key = "local",
	  .type = ROW_BOOL,
	  PLAN(local),
	  .help = "capture what this machine sends itself" },
	{ .key = "bypass",
	  .type = ROW_CALL,
	  .read = config_row_prefixes,
	  PLAN(bypass),
	  .help = "networks that are never captured" },
	{ .key = "bypass_private",
	  .type = ROW_BOOL,
	  ROW_FIELD(struct config_inbound_work, bypass_private),
	  .help = "private and special networks are among them" },
	{ .key = "bypass_files",
	  .type = ROW_CALL,
	  .read = config_row_bypass_files,
	  TRANSPARENT(bypass_files),
	  .help = "files with more of them, read again when they change" },
	{ .key = "bypass_ports",
	  .type = ROW_CALL,
	  .read = config_read_bypass_ports,
	  PLAN(bypass_ports),
	  .help = "destination ports that are never captured" },
	{ .key = "bypass_sources",
	  .type = ROW_CALL,
	  .read = config_read_bypass_sources,
	  PLAN(bypass_sources),
	  .help = "servers in the captured network whose traffic is left alone" },
	{ .key = "spare_replies",
	  .type = ROW_CALL,
	  .read = config_read_spare,
	  PLAN(spare_replies),
	  .help = "leave replies and older flows alone by conntrack: true, false or \"auto\"" },
	{ .key = "table",
	  .type = ROW_U32,
	  PLAN(table),
	  .min = 1,
	  .max = UINT32_MAX,
	  .help = "a free routing table; not 253, 254 or 255, which are the machine's" },
	{ .key = "priority",
	  .type = ROW_U32,
	  PLAN(priority),
	  .min = 1,
	  .max = 32000,
	  .help = "of the first of eight rules" },
	{ .key = "set_up",
	  .type = ROW_BOOL,
	  TRANSPARENT(set_up),
	  .help = "make rules and routes at the start" },
	{ 0 },
};

void config_transparent_start(struct config_inbound_work *w, const char *type)
{
	struct config_transparent *t = &w->in.transparent;

	t->foreign = strcmp(type, "transparent") != 0;
	t->set_up = !t->foreign;
	t->sniff_timeout_ms = SNIFF_TIMEOUT_MS;
	t->plan.steering = strcmp(type, "redirect") == 0 ? STEERING_REDIRECT
			   : t->foreign			 ? STEERING_TPROXY
							 : STEERING_SK_LOOKUP;
	t->plan.tcp = t->plan.udp = true;
	t->plan.table = TABLE;
	t->plan.priority = PRIORITY;
	w->port = t->foreign ? 0 : LISTEN_PORT;
	w->bypass_private = true;
}

/* Destinations that are no business of a tunnel: besides what is not public, what RFC 6890 and
 * others set aside. */
static void add_private(struct config_reader *r, struct prefix_list *l)
{
	static const struct prefix more[] = {
		{ AF_INET, 10, { 100, 64 } },
		{ AF_INET, 24, { 192 } },
		{ AF_INET, 4, { 240 } },
		{ AF_INET6, 127, { 0 } },
	};
	bool good = prefix_list_add_private(l) == 0;

	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
		good = good && prefix_list_add(l, &more[i]) == 0;
	r->oom = r->oom || !good;
}

static void choose_listen(struct config_inbound_work *w)
{
	struct in6_addr any = IN6ADDR_ANY_INIT;

	if (w->in.listen.sa.sa_family || w->listen.sa.sa_family)
		return;
	w->in.listen.in6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_addr = any,
		.sin6_port = htons(w->port),
	};
}

/* Into the machine's own tables nothing of ours can go: they have its routes. */
static void check_table(struct config_reader *r, struct config_ref table, uint32_t number)
{
	static const char *const names[] = { "default", "main", "local" };

	if (number >= RT_TABLE_DEFAULT && number <= RT_TABLE_LOCAL)
		config_error(&r->report, table.n,
			     "%u is the machine's own table \"%s\": a route there would capture "
			     "everything, of this machine, too; choose a number that is free",
			     number, names[number - RT_TABLE_DEFAULT]);
}

void config_transparent_finish(struct config_reader *r, struct config_ref v,
			       struct config_inbound_work *w)
{
	struct config_transparent *t = &w->in.transparent;
	struct plan *p = &t->plan;
	struct config_ref network = config_member(v, "network");

	choose_listen(w);
	p->port = w->port;
	if (p->steering == STEERING_REDIRECT) {
		if (network.v && p->udp)
			config_error(&r->report, network.n,
				     "redirect takes TCP only: conntrack does "
				     "not say where a datagram was going");
		else if (!network.v && !t->foreign)
			config_note(&r->report, v.n,
				    "redirect takes TCP only: UDP is not captured");
		p->udp = false;
	}
	if (!p->tcp && !p->udp)
		config_error(&r->report, network.v ? network.n : v.n, "captures nothing");
	if (t->foreign)
		return;
	if (!p->n_interfaces && !p->local)
		config_error(&r->report, v.n,
			     "captures nothing: name \"interfaces\", or set \"local\"");
	check_table(r, config_member(v, "table"), p->table);
	if (w->bypass_private)
		add_private(r, &p->bypass);
	prefix_list_normal(&p->bypass);
}

void config_transparent_done(struct config_transparent *t)
{
	config_texts_done(t->bypass_files, t->n_bypass_files);
	plan_done(&t->plan);
}
