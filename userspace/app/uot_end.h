/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP over a stream: turns the stream's bytes into datagrams and back (protocol notes 6.2). */
#ifndef APP_UOT_END_H
#define APP_UOT_END_H

#include "app/flow.h"
#include "proto/uot.h"

/*
 * Server: what a stream to one of the magic names is joined with. Makes its far side itself once it
 * knows the mode. `f` is copied. NULL without memory.
 */
struct endpoint *uot_server_new(const struct flow *f, enum uot_version version,
				uint32_t timeout_ms);

/*
 * Client: the far side of an association, over a stream of its own that `o` opens (v2,
 * non-connect). Datagrams are kept until the stream is there, up to a bound. NULL without memory.
 */
struct packets *uot_client_new(struct outbound *o, const struct flow *f, uint32_t timeout_ms);

#endif
