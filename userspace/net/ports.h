/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which TCP ports of this network namespace somebody listens on. */
#ifndef NET_PORTS_H
#define NET_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/steer.h"

/* Whether one of n ranges holds a port that is listened on, `except` not counted; *ret_port is it.
 * False where that cannot be found out. */
bool ports_listening(const struct steer_ports *at, size_t n, uint16_t except, uint16_t *ret_port);

#endif
