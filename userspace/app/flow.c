// SPDX-License-Identifier: GPL-2.0-or-later
// Which outbound carries a flow, by the rules or without any by route.final.
#include "app/flow.h"

#include <errno.h>

#include "app/program.h"

/* The newest rules, or NULL where there are none. */
static const struct route *rules(struct worker *w)
{
	if (w->config->n_rules == 0)
		return NULL;
	route_slot_get(&w->program->routes, &w->route, &w->route_version);
	return w->route;
}

static struct route_verdict judge(const struct route *r, const struct flow *f,
				  const struct addr *dst, const char *domain)
{
	return route_match(r, &(struct route_key){ .inbound = f->inbound,
						   .network = f->network,
						   .user = f->user,
						   .dst = dst,
						   .domain = domain,
						   .src = &f->src });
}

bool flow_route(struct flow *f)
{
	const struct route *r = rules(f->w);
	struct route_verdict v = { .action = RULE_ROUTE,
				   .outbound = f->w->config->final_outbound,
				   .rule = -1 };

	if (r)
		v = judge(r, f, &f->dst, f->domain);
	f->domain = NULL;
	f->outbound = v.action == RULE_ROUTE ? f->w->outbounds[v.outbound] : NULL;
	if (v.rule >= 0)
		log_debug(f->tag, "route.rules[%d]: %s", v.rule,
			  f->outbound ? f->outbound->config->tag : "reject");
	return f->outbound != NULL;
}

bool flow_permits(const struct flow *f, const struct addr *dst)
{
	const struct route *r = rules(f->w);

	return !r || !route_rejects(r) || addr_equal(dst, &f->dst) ||
	       judge(r, f, dst, NULL).action == RULE_ROUTE;
}

bool flow_wants_domain(struct worker *w, uint32_t inbound)
{
	const struct route *r = rules(w);

	return r && route_wants_domain(r, inbound);
}

void flow_connect(struct flow *f)
{
	if (flow_route(f))
		f->outbound->ops->connect(f->outbound, f);
	else
		f->ops->failed(f, -EACCES, "rejected by a rule");
}

void flow_cancel(struct flow *f)
{
	if (f->outbound)
		f->outbound->ops->cancel(f->outbound, f);
}

struct packets *flow_packets(struct flow *f, bool connected, uint32_t timeout_ms)
{
	if (!flow_route(f))
		return NULL;
	return f->outbound->ops->packets(f->outbound, f, connected, timeout_ms);
}
