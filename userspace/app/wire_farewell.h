/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closing a wire so that the peer gets all that was written to it. */
#ifndef APP_WIRE_FAREWELL_H
#define APP_WIRE_FAREWELL_H

#include "app/worker.h"

/*
 * Takes over a wire that nobody watches any more: sends what is queued, close_notify and FIN, drops
 * what still comes in (an unread byte would turn the close into an RST that overtakes it all), and
 * closes when the peer does, or after 3 s.
 */
void wire_farewell(struct worker *w, struct wire *wire);

#endif
