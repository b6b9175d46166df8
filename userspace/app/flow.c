// SPDX-License-Identifier: GPL-2.0-or-later
// Which outbound carries a flow; today every flow takes route.final.
#include "app/flow.h"

#include <errno.h>

bool flow_route(struct flow *f)
{
	f->outbound = f->w->outbounds[f->w->config->final_outbound];
	return true;
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
