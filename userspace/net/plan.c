// SPDX-License-Identifier: GPL-2.0-or-later
// A plan's memory.
#include "net/plan.h"

#include <stdlib.h>

void plan_done(struct plan *p)
{
	free(p->interfaces);
	free(p->bypass_ports);
	free(p->bypass_sources);
	prefix_list_done(&p->sources);
	prefix_list_done(&p->bypass);
	*p = (struct plan){ 0 };
}
