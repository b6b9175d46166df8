// SPDX-License-Identifier: GPL-2.0-or-later
// Names of the relay engines, and what two ends make of theirs.
#include "datapath/engine.h"

#include <string.h>

static const char *const names[] = {
	[RELAY_AUTO] = "auto",
	[RELAY_COPY] = "copy",
	[RELAY_SPLICE] = "splice",
	[RELAY_SOCKMAP] = "sockmap",
};

int relay_engine_of(const char *name)
{
	for (int e = RELAY_AUTO; e <= RELAY_SOCKMAP; e++)
		if (strcmp(names[e], name) == 0)
			return e;
	return -1;
}

enum relay_engine relay_engine_join(enum relay_engine a, enum relay_engine b)
{
	enum relay_engine most = a > b ? a : b;

	if (a == RELAY_COPY || b == RELAY_COPY || most == RELAY_AUTO)
		return RELAY_COPY;
	return most;
}
