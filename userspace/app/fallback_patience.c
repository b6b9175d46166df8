// SPDX-License-Identifier: GPL-2.0-or-later
// How long a stranger may take for the head of the first request, where nginx would wait so long.
#include "app/fallback_impl.h"

void fallback_stop_patience(struct fallback *f)
{
	if (!f->patient)
		return;
	f->patient = false;
	loop_disarm(f->w->loop, &f->last);
}

/* An HTTP request's head ends with an empty line; a body may take longer. */
void fallback_look_for_head(struct fallback *f, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && f->patient; i++) {
		if (p[i] != '\r' && p[i] != '\n')
			f->head = HEAD_LINE;
		else if (p[i] == '\n' && f->head == HEAD_LINE)
			f->head = HEAD_LINE_END;
		else if (p[i] == '\n' && f->head == HEAD_LINE_END)
			fallback_stop_patience(f);
	}
}
