// SPDX-License-Identifier: GPL-2.0-or-later
// Which outbound carries a flow; today every flow takes route.final.
#include "app/flow.h"

void flow_route(struct flow *f)
{
	f->outbound = f->w->outbounds[f->w->config->final_outbound];
}

void flow_connect(struct flow *f)
{
	flow_route(f);
	f->outbound->ops->connect(f->outbound, f);
}

void flow_cancel(struct flow *f)
{
	if (f->outbound)
		f->outbound->ops->cancel(f->outbound, f);
}

struct packets *flow_packets(struct flow *f, bool connected, uint32_t timeout_ms)
{
	flow_route(f);
	return f->outbound->ops->packets(f->outbound, f, connected, timeout_ms);
}
