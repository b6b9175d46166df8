/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of load. Each starts its own target, prints one JSON line, returns an exit code.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/conn.h"

struct load_options {
	struct route route;
	bool upload;
	unsigned int streams; /* at once */
	unsigned int count;   /* of streams to open in all */
	uint64_t bytes;	      /* over all streams */
};

/* Moves `bytes` over `streams` connections in one direction. */
int load_bulk(const struct load_options *o);
/* Opens `count` connections, `streams` at once; each moves one byte there and back. */
int load_new(const struct load_options *o);
/* Opens `count` connections, one byte there and back on each, prints "held"; closes all on a line
 * from standard input, prints "closed". Other connections must survive meanwhile. */
int load_hold(const struct load_options *o);
/* Opens `streams` connections, one byte there and back on each, and closes all of them: `count`
 * times. A wave does not wait until the target has seen the ends of the one before: a proxy may
 * take its time to tell. */
int load_waves(const struct load_options *o);

/* Times from load_begin() on. CPU is that of the generator and of the target. */
struct load_times {
	uint64_t wall_ns, cpu_ns;
};

void load_begin(struct load_times *t, const struct target *target);
/* Turns what load_begin() noted into what passed since. */
void load_end(struct load_times *t, const struct target *target);

/* Ends the target and checks that `streams` streams reached it and all ended well; 0 or 1. */
int load_finish(struct target *t, unsigned int streams);

#endif
