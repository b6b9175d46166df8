/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways in which a relay can move bytes, and which of them two ends agree on. */
#ifndef DATAPATH_ENGINE_H
#define DATAPATH_ENGINE_H

enum relay_engine {
	RELAY_AUTO,    /* what the benchmark says: see relay_engine_join() */
	RELAY_COPY,    /* through our memory */
	RELAY_SPLICE,  /* large pieces through a pipe, past our memory */
	RELAY_SOCKMAP, /* large frames taken apart by a program in the kernel */
};

/* The engine that is called "auto", "copy", "splice" or "sockmap", or -1. */
int relay_engine_of(const char *name);

/*
 * What a relay between two ends uses: copy where either asks for it, else what one of them asks
 * for. Where both leave it open it is copy, which no other engine beat in instructions on any
 * kernel that was measured (docs/PERFORMANCE.md). Never RELAY_AUTO.
 */
enum relay_engine relay_engine_join(enum relay_engine a, enum relay_engine b);

#endif
