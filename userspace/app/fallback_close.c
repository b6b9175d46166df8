// SPDX-License-Identifier: GPL-2.0-or-later
// The ways in which a fallback takes leave of its client: those that nginx has.
#include "app/fallback_impl.h"
#include "app/wire_farewell.h"

void fallback_close_hard(struct worker *w, struct wire *wire)
{
	(void)w;
	wire_abort(wire);
}

void fallback_close_at_once(struct worker *w, struct wire *wire)
{
	if (wire_shutdown(wire) == 0)
		wire_free(wire);
	else
		wire_farewell(w, wire);
}

void fallback_close_quietly(struct worker *w, struct wire *wire)
{
	if (wire_flush(wire) == 0)
		wire_free(wire);
	else
		wire_farewell(w, wire);
}
