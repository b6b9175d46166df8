/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the direct outbound's TCP and UDP parts need of each other. */
#ifndef APP_DIRECT_H
#define APP_DIRECT_H

#include "app/flow.h"

/* The far side of an association: sockets of our own. NULL without memory, descriptors or place. */
struct packets *direct_packets(struct outbound *o, const struct flow *f, bool connected,
			       uint32_t timeout_ms);

#endif
