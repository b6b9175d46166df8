/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which engine moves a session's and a stream's bytes, and why no other: for those who look. */
#ifndef APP_LINK_ENGINE_H
#define APP_LINK_ENGINE_H

#include "app/link.h"
#include "app/stream.h"

/* Where the records are made has changed, or the session is new. */
void link_show_engine(struct link *l);
/* The stream has got its other end. */
void stream_show_joined(struct stream *st);
/* Payload of a stream was moved, towards the server or from it. */
void stream_show_moved(struct stream *st, bool up, enum relay_engine by, size_t n);

#endif
